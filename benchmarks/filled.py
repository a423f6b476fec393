"""A study with many finished trials, written a table at a time: one by one they would take minutes."""

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, insert, update

from hpo.optuna_internals import ATTEMPT, POSITION, SLOT, tables
from hpo.storage import Storage, schema
from hpo.storage.slots.slots import Slots
from hpo.study.registry import load

BATCH = 1000  # trials written at once


def fill(storage: Storage, study: str, count: int) -> None:
    """Settle `count` slots, each with a complete trial of Optuna's: parameters, ten reports, attributes, value."""
    from optuna.distributions import distribution_to_json
    from optuna.trial import TrialState

    from hpo.search import suggest

    theirs = tables()
    slots = Slots(storage)
    slots.open(study, count)
    study_id = storage.rdb.get_study_id_from_name(study)
    space = load("fcnn").space()
    drawn = list(_configurations(space, suggest, count))
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
            trial_number=bindparam("number"),
            started_at=bindparam("begun"),
            settled_at=bindparam("ended"),
        )
    )
    there = slots.list(study)
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
            number, frozen = slot.position, drawn[slot.position]
            id_ = number + 1
            value = 2 + random.Random(number).random()
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
                    "param_value": distribution.to_internal_repr(frozen.params[name]),
                    "distribution_json": distribution_to_json(distribution),
                }
                for name, distribution in frozen.distributions.items()
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
                for step in range(1, 11)
            ]
            at = started.timestamp()
            settled.append(
                {
                    "which": slot.id,
                    "number": number,
                    "drawn": json.dumps(frozen.params),
                    "got": value,
                    "begun": at,
                    "ended": at + 60,
                }
            )
        with storage.engine.begin() as connection:
            for model, several in rows.items():
                connection.execute(insert(model), several)
            connection.execute(settle, settled)


def _configurations(space: Any, suggest: Any, count: int) -> Iterator[Any]:
    """Frozen trials with parameters drawn at random."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(count):
        trial = study.ask()
        suggest(space, trial)
        yield trial._cached_frozen_trial
