"""What a service says: a line an event, for people or for programs."""

import io
import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from hpo import logs
from hpo.errors import UsageError


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    log = logging.getLogger("hpo")
    before = (list(log.handlers), log.level, log.propagate)
    yield
    log.handlers[:], log.propagate = before[0], before[2]
    log.setLevel(before[1])


def said(kind: str, event: str, **about: object) -> str:
    stream = io.StringIO()
    logs.configure(kind, stream=stream)
    logging.getLogger("hpo.worker").info(event, extra=about)
    logging.getLogger("hpo.worker").debug("never")
    (line,) = stream.getvalue().splitlines()
    return line


def test_a_text_log_line_has_time_event_and_subject() -> None:
    line = said("text", "settled", slot=3, study="a b", value=0.12345678, reason='it\nsaid "no"', other="unknown")
    when, rest = line.split(" ", 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", when)
    assert rest == r'INFO hpo.worker settled study="a b" slot=3 value=0.123457 reason="it\nsaid \"no\""'


def test_a_line_of_json_has_every_field() -> None:
    told = json.loads(said("json", "settled", slot=3, study="ä", value=0.12345678, reason="a\nb"))
    assert told.pop("time").endswith("Z")
    assert told == {
        "level": "INFO",
        "logger": "hpo.worker",
        "event": "settled",
        "slot": 3,
        "study": "ä",
        "value": 0.12345678,
        "reason": "a\nb",
    }


def test_configuring_the_log_again_duplicates_no_line() -> None:
    logs.configure("json", stream=io.StringIO())
    assert said("text", "once").endswith("once")


def test_the_log_format_comes_from_the_option_the_environment_or_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HPO_LOG", raising=False)
    assert logs.kind() == "text"
    monkeypatch.setenv("HPO_LOG", "json")
    assert (logs.kind(), logs.kind("text")) == ("json", "text")
    monkeypatch.setenv("HPO_LOG", "xml")
    with pytest.raises(UsageError, match=r"a log is text or json, not 'xml' \(\$HPO_LOG\)"):
        logs.kind()


def test_an_unconfigured_log_prints_nothing() -> None:
    code = "import logging, hpo.logs; logging.getLogger('hpo.worker').error('never')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
