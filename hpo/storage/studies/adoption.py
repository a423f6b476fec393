"""A study of plain Optuna becomes one of ours: its trials are copied, and each that has ended is a settled slot.

What it is of, nobody has said then: `hpo optimize OBJECTIVE --name NAME` says it once, and goes on.
"""

import copy
import json
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import select

from hpo.errors import StudyError
from hpo.optuna_internals import ATTEMPT, FIXED_PARAMS, POSITION, SLOT
from hpo.search import digest
from hpo.storage import Storage, schema
from hpo.storage.engine import insert
from hpo.storage.slots.openings import announce
from hpo.storage.studies.foreign_study import ForeignStudy
from hpo.storage.studies.repository import create_within
from hpo.storage.studies.study_record import UNNAMED, StudyPlan, StudyRecord, refuse_odd_name
from hpo.study.objectives import kept
from hpo.study.open_space import DefineByRun
from hpo.study.plain_objective import FULL

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["Adopted", "adopt"]

_slot = schema.slots
_STOPPED = "it was running when its study was adopted"


@dataclass(frozen=True, kw_only=True)
class Adopted:
    """What was taken over."""

    record: StudyRecord
    complete: int  # trials
    pruned: int
    failed: int
    open: int  # slots that wait for a worker: trials that were enqueued
    left: int  # trials that were running, and were left out


def adopt(
    storage: Storage,
    foreign: ForeignStudy,
    *,
    name: str | None = None,
    sampler: str | None = None,
    pruner: str | None = None,
    running: Literal["fail", "leave"] = "fail",
) -> Adopted:
    """Make a study of ours of another one, all of it or nothing.

    Args:
        storage: where to.
        foreign: what `read_foreign` found.
        name: of ours; None: the same.
        sampler: that it goes on with; None: the default.
        pruner: likewise.
        running: what becomes of trials that were running: failed, or left out.

    Raises:
        UsageError: no study can be called so.
        StudyError: there is a study of that name already.
        StorageError: the database failed.

    """
    from optuna.trial import TrialState

    refuse_odd_name(foreign.name if name is None else name)
    metrics = tuple(re.sub("[,:]", "_", metric) for metric in foreign.metrics)  # which part them where they are kept
    metrics = metrics or _unnamed_metrics(len(foreign.directions))
    plan = StudyPlan(
        name=foreign.name if name is None else name,
        reference=UNNAMED,
        definition="adopted",
        space=DefineByRun().name,
        fingerprint=DefineByRun().fingerprint,
        fidelity=FULL,
        direction=foreign.directions[0],
        metric=metrics[0],
        objectives=kept(metrics, foreign.directions),
        sampler=sampler,
        pruner=pruner if len(foreign.directions) == 1 else "none",
    )
    begun = [trial for trial in foreign.trials if trial.state.is_finished()]
    alive = [trial for trial in foreign.trials if trial.state == TrialState.RUNNING]
    waiting = [trial for trial in foreign.trials if trial.state == TrialState.WAITING]
    if running == "fail":
        begun = sorted([*begun, *map(_failed, alive)], key=lambda trial: trial.number)
    rows = [_settled(trial, position) for position, trial in enumerate(begun)]
    rows += [_waiting(trial, position) for position, trial in enumerate(waiting, start=len(rows))]
    _without_twins(rows)
    _ = storage.rdb  # which imports Optuna, and nobody shall wait for that
    with storage.exclusive() as connection:
        if connection.execute(select(schema.studies.c.id).where(schema.studies.c.name == plan.name)).first():
            raise StudyError(f"study {plan.name!r} is in {storage.safe_url} already: choose another --name")
        record = create_within(storage, connection, plan)
        insert(connection, _slot, [{**row, "study_id": record.id} for row in rows])
        query = select(_slot.c.position, _slot.c.id).where(_slot.c.study_id == record.id)
        ids: dict[int, int] = {row.position: row.id for row in connection.execute(query)}
        optunas = storage.optuna_within(connection)
        study = optunas.get_study_id_from_name(record.name)
        for attribute, value in foreign.user.items():
            optunas.set_study_user_attr(study, attribute, value)
        for attribute, value in foreign.system.items():
            optunas.set_study_system_attr(study, attribute, value)
        for position, trial in enumerate(begun):
            optunas.create_new_trial(study, _copied(trial, {SLOT: ids[position], ATTEMPT: 1, POSITION: position}))
        if waiting:
            announce(connection)
    outcomes = [row["outcome"] for row in rows]
    return Adopted(
        record=record,
        **{outcome: outcomes.count(outcome) for outcome in ("complete", "pruned", "failed")},
        open=len(waiting),
        left=0 if running == "fail" else len(alive),
    )


def _unnamed_metrics(objectives: int) -> tuple[str, ...]:
    return ("value",) if objectives == 1 else tuple(f"value_{at}" for at in range(objectives))


def _failed(trial: "FrozenTrial") -> "FrozenTrial":
    """A trial that nobody will end."""
    from optuna.trial import TrialState

    ended = copy.copy(trial)
    ended.state, ended.values = TrialState.FAIL, None
    ended.datetime_complete = trial.datetime_start
    ended.user_attrs = {**trial.user_attrs, "reason": _STOPPED}
    return ended


def _copied(trial: "FrozenTrial", ours: Mapping[str, Any]) -> "FrozenTrial":
    made = copy.copy(trial)
    made.system_attrs = {**trial.system_attrs, **ours}
    return made


def _settled(trial: "FrozenTrial", position: int) -> dict[str, object]:
    """The slot of a trial that has ended."""
    outcome, reason = _outcome(trial)
    values = trial.values
    if values is None and outcome == "pruned" and trial.intermediate_values:
        values = [trial.intermediate_values[max(trial.intermediate_values)]]
    finite = values if values is not None and outcome != "failed" and all(map(math.isfinite, values)) else None
    return {
        **_blank(position),
        "state": "settled",
        "attempt": 1,
        "turn": 1,
        "outcome": outcome,
        "reason": reason,
        "trial_number": position,
        "params": json.dumps(trial.params),
        "digest": digest(trial.params) if trial.params else None,
        "value": finite[0] if finite else None,
        "further": json.dumps(finite[1:]) if finite and len(finite) > 1 else None,
        "started_at": _seconds(trial.datetime_start),
        "settled_at": _seconds(trial.datetime_complete) or time.time(),
    }


def _outcome(trial: "FrozenTrial") -> tuple[str, str | None]:
    """What a trial came to, in our words, and why: what is infeasible is no candidate here."""
    from optuna.trial import TrialState

    reason = trial.user_attrs.get("reason")
    said = reason if isinstance(reason, str) else None
    if trial.state == TrialState.FAIL:
        return "failed", said
    if trial.state == TrialState.PRUNED:
        return "pruned", said
    if not all(map(math.isfinite, trial.values or ())):
        return "failed", f"the value is {trial.values}, not a finite number"
    broken = sorted(name for name, value in trial.constraints.items() if value > 0)
    return ("pruned", f"infeasible: {', '.join(broken)} above 0") if broken else ("complete", None)


def _waiting(trial: "FrozenTrial", position: int) -> dict[str, object]:
    """The slot of a trial that was enqueued."""
    given = trial.system_attrs.get(FIXED_PARAMS) or trial.params
    return {**_blank(position), "payload": json.dumps({"params": given} if given else {})}


def _blank(position: int) -> dict[str, object]:
    """A slot that is open; every column that any of them has, as they are inserted together."""
    return {
        "rung": 0,
        "position": position,
        "highest": True,
        "payload": "{}",
        "state": "open",
        "attempt": 0,
        "releases": 0,
        "turn": 0,
        **dict.fromkeys(("outcome", "reason", "trial_number", "params", "digest", "value", "further")),
        **dict.fromkeys(("started_at", "settled_at")),
    }


def _without_twins(rows: list[dict[str, object]]) -> None:
    """Let the first complete slot of a configuration have its digest: no two of a study may."""
    rank = {"complete": 0, "pruned": 1, "failed": 2, None: 3}
    seen: set[object] = set()
    for row in sorted(rows, key=lambda row: rank[row["outcome"]]):  # type: ignore[index]
        if row["digest"] in seen:
            row["digest"] = None
        seen.add(row["digest"])


def _seconds(local: datetime | None) -> float | None:
    return None if local is None else local.timestamp()
