"""Optuna's trials of one study, each of its tables read once, for looking at many at a time.

Optuna's own reading makes an object of every row and parses a parameter's distribution in each: 10,000 trials of 14
parameters take it half a minute.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from hpo.service import studies
from hpo.service.storage import Storage
from hpo.service.storage.errors import translated
from hpo.study import Params, ParamValue

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = ["StoredTrial", "distributions", "read"]

Rows = Mapping[int, list[list[Any]]]  # Optuna's id of a trial -> its rows of one table


@dataclass(frozen=True, kw_only=True)
class StoredTrial:
    """One trial as Optuna keeps it."""

    number: int
    state: str  # complete, pruned, failed, running, waiting
    started_at: datetime | None  # in the local time of whoever ran it, without saying which
    ended_at: datetime | None  # likewise
    value: float | None
    params: Params  # drawn so far
    user: Mapping[str, Any]  # user attributes
    system: Mapping[str, Any]  # system attributes
    curve: tuple[tuple[int, float], ...]  # (step, value reported there) by step


def read(storage: Storage, study: str) -> list[StoredTrial]:
    """Every trial of the study by number, as they were at one moment.

    Raises:
        StudyError: the study was deleted, or another program has deleted its trials.

    """
    from optuna.storages._rdb import models

    with translated(storage.where):
        study_id = _id(storage, study)
        with storage.engine.connect() as connection:
            _begin(connection)
            trial: Any = models.TrialModel.__table__.c
            columns = (trial.trial_id, trial.number, trial.state, trial.datetime_start, trial.datetime_complete)
            found = connection.execute(select(*columns).where(trial.study_id == study_id).order_by(trial.number)).all()
            tables = (
                (models.TrialValueModel, "value", "value_type"),
                (models.TrialParamModel, "param_name", "param_value", "distribution_json"),
                (models.TrialUserAttributeModel, "key", "value_json"),
                (models.TrialSystemAttributeModel, "key", "value_json"),
                (models.TrialIntermediateValueModel, "step", "intermediate_value", "intermediate_value_type"),
            )
            values, params, user, system, curves = (_rows(connection, study_id, *table) for table in tables)
    number_of = models.TrialValueModel.stored_repr_to_value
    step_of = models.TrialIntermediateValueModel.stored_repr_to_intermediate_value
    return [
        StoredTrial(
            number=number,
            state="failed" if state.name == "FAIL" else state.name.lower(),
            started_at=started,
            ended_at=ended,
            value=next((number_of(*row) for row in values.get(id_, ())), None),
            params={name: _external(text, value) for name, value, text in params.get(id_, ())},
            user={key: json.loads(text) for key, text in user.get(id_, ())},
            system={key: json.loads(text) for key, text in system.get(id_, ())},
            curve=tuple(sorted((step, step_of(*row)) for step, *row in curves.get(id_, ()))),
        )
        for id_, number, state, started, ended in found
    ]


def distributions(storage: Storage, study: str) -> dict[str, "BaseDistribution"]:
    """What each parameter of the study was drawn from, by name. Raises StudyError as `read`."""
    from optuna.storages._rdb.models import TrialModel, TrialParamModel

    query = (
        select(TrialParamModel.param_name, TrialParamModel.distribution_json)
        .join(TrialModel, TrialModel.trial_id == TrialParamModel.trial_id)
        .order_by(TrialParamModel.param_name)
        .distinct()
    )
    with translated(storage.where):
        study_id = _id(storage, study)
        with storage.engine.connect() as connection:
            rows = connection.execute(query.where(TrialModel.study_id == study_id)).all()
    return {name: _distribution(text) for name, text in rows}


def _begin(connection: Connection) -> None:
    """Have all tables as they are at the first statement, whatever is written meanwhile."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN")
    else:
        connection.execution_options(isolation_level="REPEATABLE READ")


def _id(storage: Storage, study: str) -> int:
    try:
        return storage.rdb.get_study_id_from_name(study)
    except KeyError:
        raise studies.halved(storage, study) from None


def _rows(connection: Connection, study_id: int, model: Any, *columns: str) -> Rows:
    """The rows of one table that belong to the study, in the order they were written."""
    from optuna.storages._rdb.models import TrialModel

    table: Any = model.__table__
    trial: Any = TrialModel.__table__
    query = (
        select(table.c.trial_id, *(table.c[column] for column in columns))
        .join(trial, trial.c.trial_id == table.c.trial_id)
        .where(trial.c.study_id == study_id)
        .order_by(*table.primary_key.columns)
    )
    found: dict[int, list[Any]] = defaultdict(list)
    for id_, *row in connection.execute(query):
        found[id_].append(row)
    return found


@lru_cache(maxsize=1024)
def _distribution(text: str) -> "BaseDistribution":
    from optuna.distributions import json_to_distribution

    return json_to_distribution(text)


def _external(text: str, value: float) -> ParamValue:
    external: ParamValue = _distribution(text).to_external_repr(value)
    return external
