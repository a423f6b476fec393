"""Programs that ask the interface: the real application with its security, over a real database, without a socket."""

import json
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from werkzeug.test import Client, TestResponse

from hpo.settings import MOST_OPEN
from hpo.storage import Storage, program_tokens, studies
from hpo.storage.slots import slot_trials
from hpo.storage.slots.slots import Slots
from hpo.study import registry
from hpo.web.application import create
from hpo.web.security.hooks import Access
from hpo.web.security.request_checks import names
from hpo.web.security.users import Users

__all__ = ["DEFINITION", "Programs", "found_study", "small_study"]

DEFINITION = "fcnn"  # of those that are installed; nothing of it is trained here


@dataclass(kw_only=True)
class Programs:
    """Whoever asks that application."""

    storage: Storage
    users: Users = field(default_factory=Users)  # none, and one is needed
    most_open: int = MOST_OPEN
    app: Flask = field(init=False)

    def __post_init__(self) -> None:
        access = Access(names=names("127.0.0.1"), users=self.users)
        self.app = create(self.storage, access, most_open=self.most_open).app

    def token(self, name: str, *, budget: int | None = None, seconds: float = 3600.0) -> str:
        """A new token: one that may write where it has a budget."""
        scope = "read" if budget is None else "write"
        return program_tokens.create(self.storage, name, scope=scope, budget=budget or 0, seconds=seconds)

    def ask(self, token: str | None, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        """One request below /api/v1; `body` is JSON, or bytes that say they are."""
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        kind = {"Content-Type": "application/json"} if content is not None else {}
        given = {**sent, **kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return Client(self.app).open(f"/api/v1{path}", method=method, data=content, headers=given)

    def submit(self, token: str, trials: int, name: str, **more: Any) -> TestResponse:
        """Ask for so many trials of a study of that name on one fidelity."""
        body = {"definition": DEFINITION, "trials": trials, "name": name, "fidelity": "quick", **more}
        return self.ask(token, "POST", "/studies", body)


def small_study(storage: Storage, name: str = "by hand/1", *, trials: int = 5) -> studies.StudyRecord:
    """A study whose first trial is complete, its second pruned, its third in hand, and two open; or without any."""
    space = registry.load(DEFINITION).spaces[0]
    plan = studies.StudyPlan(
        name=name, reference=DEFINITION, definition=DEFINITION, space=space.name, fingerprint=space.fingerprint,
        fidelity="quick", direction="minimize", metric="mae", seed=7, sampler="random", pruner="none",
    )  # fmt: skip
    record = studies.create_or_resume(storage, plan)
    if not trials:
        return record
    slots = Slots(storage)
    slots.open(name, trials)
    for outcome, value in (("complete", 2.5), ("pruned", float("nan")), (None, None)):
        slot = slots.claim(name, "me", 3600)
        assert slot is not None
        trial = slot_trials.create(storage, studies.load(storage, name), slot)
        trial.suggest_int("hidden_layers", 1, 6)
        trial.report(float("nan"), 1)
        slots.attach(slot, trial.number)
        if outcome is not None:
            told = value if outcome == "complete" else None
            assert slots.settle(slot, outcome, told, params=dict(trial.params), trial_number=trial.number)
            assert slot_trials.tell(storage, trial._trial_id, outcome, told)
    return record


def found_study(store: Storage, name: str) -> dict[str, object]:
    """A search whose best is no baseline: its configuration."""
    definition = registry.load(DEFINITION)
    space = definition.spaces[0]
    hand = dict(definition.baselines[0].params_in(space.name))
    layers = next(n for n in space.params["hidden_layers"].choices if n != hand["hidden_layers"])
    better = {**hand, "hidden_layers": layers}
    small_study(store, name, trials=0)
    slots = Slots(store)
    slots.open(name, 2, first=[hand, better])
    for params, value in ((hand, 3.0), (better, 2.0)):
        slot = slots.claim(name, "me", 60)
        assert slot is not None
        assert slots.settle(slot, "complete", value, params=params, trial_number=slot.position)
    return better
