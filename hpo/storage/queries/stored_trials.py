"""Optuna's trials of one study, each of its tables read once, for looking at many at a time.

Optuna's own reading makes an object of every row and parses a parameter's distribution in each: 10,000 trials of 14
parameters take it half a minute. Others may have added trials of their own, and anything to ours: a parameter that is
not as Optuna writes it is left out.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Table, func, select

from hpo import optuna_internals
from hpo.storage import Storage, studies
from hpo.storage.engine import ISOLATION
from hpo.storage.json_columns import Noted
from hpo.study import Params, ParamValue

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = ["StoredTrial", "count", "distributions", "read"]

Rows = Mapping[int, list[list[Any]]]  # Optuna's id of a trial -> its rows of one table


@dataclass(frozen=True, kw_only=True)
class StoredTrial:
    """One trial as Optuna keeps it."""

    number: int
    state: str  # complete (of a lower rung too, which is pruned to Optuna), pruned, failed, running, waiting
    started_at: datetime | None  # UTC
    ended_at: datetime | None  # UTC
    values: tuple[float, ...]  # of all objectives, the metric first; empty where it has none
    params: Params  # drawn so far
    user: Noted  # user attributes
    system: Noted  # system attributes
    curve: tuple[tuple[int, float], ...]  # (step, value reported there) by step

    @property
    def rung(self) -> int | None:
        """Which rung of its study it is on, from 0, the lowest; None: it is no trial of ours."""
        if self.system.whole(optuna_internals.SLOT) is None:
            return None
        return max(0, self.system.whole(optuna_internals.RUNG) or 0)

    @property
    def value(self) -> float | None:
        """The value of the metric; None where the trial has none."""
        return self.values[0] if self.values else None

    def noted(self) -> tuple[int | None, str | None, dict[str, Any]]:
        """Its training's seed, why it was pruned or failed, and all else its training noted, or somebody did."""
        seed, reason = self.user.whole("seed"), self.user.text("reason")
        told = {name for name, value in (("seed", seed), ("reason", reason)) if value is not None}
        return seed, reason, {name: value for name, value in self.user.items() if name not in told}


def count(storage: Storage, study: str) -> int:
    """How many trials the study has. Raises StudyError as `read`."""
    trial = optuna_internals.tables().trials.c
    study_id = _id(storage, study)
    with storage.read() as connection:
        query = select(func.count()).where(trial.study_id == study_id)
        return connection.execute(query).scalar_one()


def read(storage: Storage, study: str, numbers: int | range | None = None) -> list[StoredTrial]:
    """Every trial of the study by number, or those of some numbers alone, as they were at one moment.

    Args:
        storage: where the study is.
        study: its name.
        numbers: of one trial, or of several one after the other; None: all.

    Raises:
        StudyError: the study was deleted, or another program has deleted its trials.

    """
    its_tables = optuna_internals.tables()
    study_id = _id(storage, study)
    with storage.read() as connection:
        _begin(connection)
        trial = its_tables.trials.c
        columns = (trial.trial_id, trial.number, trial.state, trial.datetime_start, trial.datetime_complete)
        its = trial.study_id == study_id
        if numbers is not None:
            numbers = range(numbers, numbers + 1) if isinstance(numbers, int) else numbers
            its &= trial.number.between(numbers.start, numbers.stop - 1)
        found = connection.execute(select(*columns).where(its).order_by(trial.number)).all()
        tables = (
            (its_tables.values, "objective", "value", "value_type"),
            (its_tables.params, "param_name", "param_value", "distribution_json"),
            (its_tables.user, "key", "value_json"),
            (its_tables.system, "key", "value_json"),
            (its_tables.reports, "step", "intermediate_value", "intermediate_value_type"),
        )
        values, params, user, system, curves = (_rows(connection, its, *table) for table in tables)
    number_of, step_of = optuna_internals.value_of_objective, optuna_internals.reported_value
    noted = {id_: Noted.read(system.get(id_, ())) for id_, *_ in found}
    return [
        StoredTrial(
            number=number,
            state=_state(state.name, noted[id_]),
            started_at=started and started.replace(tzinfo=UTC),  # which Optuna keeps without saying so
            ended_at=ended and ended.replace(tzinfo=UTC),
            values=tuple(number_of(*row) for _, *row in sorted(values.get(id_, ()), key=lambda row: row[0])),
            params={name: drawn for name, value, text in params.get(id_, ()) for drawn in _external(text, value)},
            user=Noted.read(user.get(id_, ())),
            system=noted[id_],
            curve=tuple(sorted((step, step_of(*row)) for step, *row in curves.get(id_, ()))),
        )
        for id_, number, state, started, ended in found
    ]


def distributions(storage: Storage, study: str) -> dict[str, "BaseDistribution"]:
    """What each parameter of the study was drawn from, by name, in trials of ours. Raises StudyError as `read`."""
    theirs = optuna_internals.tables()
    trial, param, noted = theirs.trials.c, theirs.params.c, theirs.system.c
    query = (
        select(param.param_name, param.distribution_json)
        .join(theirs.trials, trial.trial_id == param.trial_id)
        .join(theirs.system, (noted.trial_id == trial.trial_id) & (noted.key == optuna_internals.SLOT))
        .order_by(param.param_name)
        .distinct()
    )
    study_id = _id(storage, study)
    with storage.read() as connection:
        rows = connection.execute(query.where(trial.study_id == study_id)).all()
    found = ((name, _distribution(text)) for name, text in rows)
    return {name: distribution for name, distribution in found if distribution is not None}


def _state(name: str, system: Noted) -> str:
    """What became of a trial, in our words."""
    if name == "PRUNED" and optuna_internals.RUNG_COMPLETE in system:
        return "complete"
    return "failed" if name == "FAIL" else name.lower()


def _begin(connection: Connection) -> None:
    """Have all tables as they are at the first statement, whatever is written meanwhile."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN")
    else:
        connection.execution_options(**{ISOLATION: "REPEATABLE READ"})


def _id(storage: Storage, study: str) -> int:
    try:
        id_: int = storage.rdb.get_study_id_from_name(study)
        return id_
    except KeyError:
        raise studies.halved(storage, study) from None


def _rows(connection: Connection, its: Any, table: Table, *columns: str) -> Rows:
    """The rows of one table that belong to `its` trials, in the order they were written."""
    trial = optuna_internals.tables().trials
    query = (
        select(table.c.trial_id, *(table.c[column] for column in columns))
        .join(trial, trial.c.trial_id == table.c.trial_id)
        .where(its)
        .order_by(*table.primary_key.columns)
    )
    found: dict[int, list[Any]] = defaultdict(list)
    for id_, *row in connection.execute(query):
        found[id_].append(row)
    return found


def _utc(when: datetime | None) -> datetime | None:
    """Optuna's times are local to whoever wrote them; None too where no such time is."""
    try:
        return when and when.astimezone(UTC)
    except (OverflowError, ValueError):
        return None


@lru_cache(maxsize=1024)
def _distribution(text: str) -> "BaseDistribution | None":
    """What a parameter was drawn from; None where that is nothing Optuna knows."""
    from optuna.distributions import json_to_distribution

    try:
        return json_to_distribution(text)
    except Exception:  # whatever Optuna meets in a text that it has not written
        return None


def _external(text: str, value: float) -> "Iterator[ParamValue]":
    """The parameter's value; none where it is none of its distribution's."""
    distribution = _distribution(text)
    if distribution is not None:
        try:
            drawn = distribution.to_external_repr(value)
        except Exception:  # a place among choices that is not there, a number that is no whole one
            return
        if drawn is None or isinstance(drawn, bool | int | float | str):
            yield drawn
