"""A study with many finished trials, written a table at a time: one by one they would take minutes."""

import json
import math
import random
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, insert, select, text, update

from hpo.optuna_internals import ATTEMPT, POSITION, SLOT, tables
from hpo.storage import Storage, schema
from hpo.storage.slots.slots import Slots
from hpo.study import Categorical, Params, Space
from hpo.study.registry import load

BATCH = 1000  # trials written at once


def fill(
    storage: Storage, study: str, count: int, *, space: Space | None = None, reports: int = 10, more: int = 0
) -> None:
    """Settle `count` slots, each with a complete trial of Optuna's: parameters, reports, attributes, value.

    Args:
        storage: where the study is; it has no slots yet.
        study: its name.
        count: trials.
        space: of its parameters; None: that of fcnn.
        reports: of each trial.
        more: slots that stay open.

    """
    from optuna.distributions import distribution_to_json
    from optuna.trial import TrialState

    from hpo.search.suggest import digest, distributions

    theirs = tables()
    slots = Slots(storage)
    slots.open(study, count + more)
    study_id = storage.rdb.get_study_id_from_name(study)
    space = space or load("fcnn").space()
    known = distributions(space)
    written = {name: distribution_to_json(distribution) for name, distribution in known.items()}
    with storage.read() as connection:
        taken = connection.execute(select(func.max(theirs.trials.c.trial_id))).scalar() or 0
    begun = datetime(2026, 1, 1)
    table = schema.slots
    settle = (
        update(table)
        .where(table.c.id == bindparam("which"))
        .values(
            state="settled",
            outcome="complete",
            attempt=1,
            worker="somebody",
            value=bindparam("got"),
            params=bindparam("drawn"),
            digest=bindparam("digested"),
            trial_number=bindparam("number"),
            started_at=bindparam("begun"),
            settled_at=bindparam("ended"),
        )
    )
    there = slots.list(study)[:count]
    seen: set[str] = set()  # digests: no two slots have the same
    for first in range(0, count, BATCH):
        rows: dict[Any, list[dict[str, Any]]] = {
            model: []
            for model in (
                theirs.trials,
                theirs.values,
                theirs.params,
                theirs.user,
                theirs.system,
                theirs.reports,
            )
        }
        settled = []
        for slot in there[first : first + BATCH]:
            number, draw = slot.position, random.Random(slot.position)
            id_ = taken + number + 1
            params = _drawn(space, draw)
            own = digest(params)
            value = 2 + draw.random()
            started = begun + timedelta(seconds=60 * number)
            rows[theirs.trials].append(
                {
                    "trial_id": id_,
                    "number": number,
                    "study_id": study_id,
                    "state": TrialState.COMPLETE,
                    "datetime_start": started,
                    "datetime_complete": started + timedelta(seconds=60),
                }
            )
            rows[theirs.values].append(
                {
                    "trial_id": id_,
                    "objective": 0,
                    "value": value,
                    "value_type": "FINITE",
                }
            )
            rows[theirs.params] += [
                {
                    "trial_id": id_,
                    "param_name": name,
                    "param_value": known[name].to_internal_repr(one),
                    "distribution_json": written[name],
                }
                for name, one in params.items()
            ]
            rows[theirs.user].append({"trial_id": id_, "key": "seed", "value_json": "7"})
            rows[theirs.system] += [
                {"trial_id": id_, "key": key, "value_json": json.dumps(one)}
                for key, one in ((SLOT, slot.id), (ATTEMPT, 1), (POSITION, number))
            ]
            rows[theirs.reports] += [
                {
                    "trial_id": id_,
                    "step": step,
                    "intermediate_value": value + 1 / step,
                    "intermediate_value_type": "FINITE",
                }
                for step in range(1, reports + 1)
            ]
            at = started.timestamp()
            settled.append(
                {
                    "which": slot.id,
                    "number": number,
                    "drawn": json.dumps(params),
                    "digested": None if own in seen else own,
                    "got": value,
                    "begun": at,
                    "ended": at + 60,
                }
            )
            seen.add(own)
        with storage.engine.begin() as connection:
            for model, several in rows.items():
                if several:
                    connection.execute(insert(model), several)
            connection.execute(settle, settled)
    if storage.where.backend == "postgresql":  # ids were given, which its sequence does not know of
        with storage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            last = "SELECT setval(pg_get_serial_sequence('trials', 'trial_id'), (SELECT max(trial_id) FROM trials))"
            connection.execute(text(last))
            connection.execute(text("ANALYZE"))


def _drawn(space: Space, draw: random.Random) -> Params:
    """A configuration drawn at random."""
    params: dict[str, Any] = {}
    for name, domain in space.params.items():
        if not space.is_active(name, params):
            continue
        if isinstance(domain, Categorical):
            params[name] = draw.choice(domain.choices)
            continue
        low, high, step = domain.low, domain.high, domain.step
        if domain.log:
            value = math.exp(draw.uniform(math.log(low), math.log(high)))
        else:
            value = draw.uniform(low, high) if step is None else low + step * draw.randint(0, int((high - low) / step))
        params[name] = value if isinstance(low, float) else min(max(round(value), low), high)
    return params
