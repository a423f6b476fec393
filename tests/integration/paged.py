"""What the tests of the pages share: who asks, a search to look at, a page as it reads."""

from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import toy
from flask.testing import FlaskClient

from hpo.search import digest
from hpo.storage import Storage, studies
from hpo.storage.slots import slot_trials
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan, StudyRecord
from hpo.web.security.identity import CSRF, NONCE, USER, User

WRITER = {USER: User(name="anna", may_write=True), CSRF: "the-token", NONCE: "the-nonce"}
READER = {USER: User(name="rita", may_write=False), CSRF: "", NONCE: "the-nonce"}
EVIL = "</script><script>broken=1</script>/../a&b"


def search(store: Storage, plan: StudyPlan) -> StudyRecord:
    """A search that can be loaded: of 6 slots 2 complete, 1 infeasible, 1 failed, 1 in hand, 1 open."""
    record = studies.create_or_resume(store, replace(plan, **toys(), name="a/b"))
    slots = Slots(store)
    slots.open(record.name, 6, first=[{"x": 0.5, "kind": "a"}])
    for outcome, value, reason in (
        ("complete", 0.75, None),
        ("complete", 0.9375, None),
        ("pruned", None, "infeasible: too <high>"),
        ("failed", None, "ZeroDivisionError: no such luck"),
    ):
        settle(store, record.name, outcome, value, reason)
    slots.claim(record.name, "host:7:1:b", 600)
    return record


def toys() -> dict[str, str]:
    space = toy.study.space()
    return {
        "reference": f"{toy.FILE}:study",
        "definition": "toy",
        "space": space.name,
        "fingerprint": space.fingerprint,
    }


def settle(store: Storage, study: str, outcome: Any, value: float | None = None, reason: str | None = None) -> int:
    """Take a slot to its end; the number of its trial."""
    slots = Slots(store)
    slot = slots.claim(study, "host:7:1:b", 600)
    assert slot is not None
    trial = slot_trials.create(store, studies.load(store, study), slot)
    toy.height(trial)
    slots.reserve(slot, digest(trial.params), params=trial.params, trial_number=trial.number)
    slots.settle(slot, outcome, value=value, reason=reason, trial_number=trial.number, params=trial.params)
    slot_trials.tell(store, trial._trial_id, outcome, value)
    return trial.number


class Read(HTMLParser):
    """Text, links and forms of a page; fails where its elements do not match."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.forms: list[str] = []
        self.scripts: list[dict[str, str | None]] = []
        self.words = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.words += " "
        assert not {name for name in given if name.startswith("on") or name == "style"}
        if tag not in ("meta", "link", "br", "input"):
            self.open.append(tag)
        if tag == "a":
            self.links.append(given["href"] or "")
        if tag == "form":
            self.forms.append(given["action"] or "")
        if tag == "script":
            self.scripts.append(given)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.words += " "

    def handle_data(self, data: str) -> None:
        self.words += data


def read(client: FlaskClient, path: str, who: dict[str, Any] = READER) -> Read:
    answer = client.get(path, environ_overrides=who)
    assert answer.status_code == 200
    return Read(answer.text)


def words(page: Read) -> str:
    return " ".join(page.words.split())
