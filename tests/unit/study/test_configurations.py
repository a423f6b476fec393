"""Configurations from files: what is wrong is named by file, entry and parameter."""

import json
from pathlib import Path

import pytest

from hpo.errors import UsageError
from hpo.study import Categorical, Fidelity, Float, Holdout, Space, StudyDefinition
from hpo.study.configurations import read_configurations, read_one

SMALL = Space(name="small", params={"x": Float(low=0, high=1)})
OTHER = Space(name="other", params={"kind": Categorical(choices=("a", "b"))})
DEFINITION = StudyDefinition(
    name="toy", title="Toy", data=lambda: None, build=lambda _: None, metric="mae", direction="minimize",
    spaces=(SMALL, OTHER), evaluation=Holdout(rows=1), fidelities=(Fidelity(name="quick", epochs=1),),
)  # fmt: skip


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str | bytes) -> Path:
        path = tmp_path / "mine.json"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


@pytest.mark.parametrize("entries", [{"x": 0.5}, [{"x": 0.5}], [{"x": 0}, {"x": 1}]])
def test_a_file_holds_one_configuration_or_a_list(write, entries) -> None:
    wanted = entries if isinstance(entries, list) else [entries]
    assert read_configurations(write(json.dumps(entries)), DEFINITION, SMALL) == wanted


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_as_editors_on_windows_write_it_does_no_harm(write, encoding: str) -> None:
    text = json.dumps([{"x": 0.5}], indent=1).replace("\n", "\r\n").encode(encoding)
    assert read_configurations(write(text), DEFINITION, SMALL) == [{"x": 0.5}]
    assert read_one(write(text), DEFINITION) == {"x": 0.5}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", ["mine.json:1", "not JSON"]),
        ('{"x": 0.5}\n}', ["mine.json:2", "not JSON"]),
        ("", ["mine.json:1", "not JSON"]),
        (b"\xff\xfe\x00", ["mine.json", "UTF-8"]),
        ("[" * 100_000, ["mine.json", "not JSON"]),
        ("[]", ["mine.json", "no configuration"]),
        ("3", ["mine.json", "JSON object", "not 3"]),
        ('[{"x": 0.5}, "y"]', ["entry 2", "JSON object", "'y'"]),
        ('{"x": 0.5, "x": 0.6}', ["'x'", "twice"]),
        ('[{"x": 0.5}, {"x": 2}]', ["configuration 2", "x=2", "from 0 to 1", "small"]),
        ('{"x": 0.5, "y": 1}', ["'y'", "small"]),
        ('{"x": NaN}', ["x=nan", "from 0 to 1"]),
        ('{"x": [1]}', ["x=[1]", "from 0 to 1"]),
        ("{}", ["'x' is missing"]),
    ],
)
def test_a_malformed_configuration_file_is_refused_with_the_fault(write, text: str | bytes, words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        read_configurations(write(text), DEFINITION, SMALL)
    for word in words:
        assert word in str(caught.value)


def test_a_file_that_is_not_there_or_a_folder_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(UsageError, match=f"{path} cannot be read"):
            read_configurations(path, DEFINITION, SMALL)


def test_training_accepts_one_configuration_of_any_space(write) -> None:
    assert read_one(write('{"kind": "b"}'), DEFINITION) == {"kind": "b"}
    assert read_one(write('[{"x": 1}]'), DEFINITION) == {"x": 1}


def test_training_needs_exactly_one_configuration(write) -> None:
    with pytest.raises(UsageError, match="holds 2 configurations"):
        read_one(write('[{"x": 1}, {"x": 0}]'), DEFINITION)
    with pytest.raises(UsageError, match=r"not of space 'small'.*not of space 'other'"):
        read_one(write('{"kind": "c"}'), DEFINITION)
