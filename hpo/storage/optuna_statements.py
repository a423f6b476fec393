"""Optuna's storage in few statements: what a trial reads and writes on its way takes one each.

Optuna asks for a trial before it writes to it, and reads trials table by table: some ten statements for a report, and
twenty for the question whether to prune. Here a write is one statement that looks itself whether the trial is RUNNING,
and trials are read by one statement out of all tables. What such a statement cannot do is left to Optuna's own method,
which says why.
"""

import json
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from optuna.distributions import BaseDistribution, check_distribution_compatibility, distribution_to_json
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Double,
    Integer,
    Select,
    String,
    Table,
    Text,
    func,
    insert,
    literal,
    literal_column,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy import cast as as_type
from sqlalchemy.dialects import postgresql, sqlite

from hpo.optuna_internals import tables
from hpo.storage.engine import ISOLATION

__all__ = ["FewStatements"]

_TRIAL, _PARAM, _VALUE, _USER, _SYSTEM, _REPORT = range(6)  # of which table a row is

_AT_ONCE = 500  # trials asked for by their ids in one statement

_trials = tables().trials


class FewStatements(RDBStorage):
    """Optuna's tables over connections of ours, each statement a transaction of its own where one will do."""

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Optuna's."""
        found = self._read(_trials.c.trial_id == trial_id)
        return found[0] if found else super().get_trial(trial_id)

    def get_trial_system_attrs(self, trial_id: int) -> dict[str, Any]:
        """Optuna's."""
        system = tables().system.c
        with self._alone() as connection:
            rows = connection.execute(select(system.key, system.value_json).where(system.trial_id == trial_id)).all()
        return {key: json.loads(value) for key, value in rows} if rows else super().get_trial_system_attrs(trial_id)

    def _get_trials(
        self,
        study_id: int,
        states: Container[TrialState] | None,
        included_trial_ids: set[int],
        trial_id_greater_than: int,
    ) -> list[FrozenTrial]:
        which = [_trials.c.study_id == study_id]
        if states is not None:
            which.append(_trials.c.state.in_(list(cast("Iterable[TrialState]", states))))
        if trial_id_greater_than > -1:
            older = [each for each in included_trial_ids if each <= trial_id_greater_than]
            newer = _trials.c.trial_id > trial_id_greater_than
            which.append(or_(_trials.c.trial_id.in_(older), newer) if older else newer)
        found = self._read(*which)
        if not found:
            self.get_study_name_from_id(study_id)  # it raises KeyError where there is no such study
        return found

    def of_study(self, study_id: int, *, unfinished: bool = False) -> list[FrozenTrial]:
        """All trials of a study, or those that are not finished. Raises KeyError where there is no such study."""
        states = (TrialState.RUNNING, TrialState.WAITING) if unfinished else None
        return self._get_trials(study_id, states, set(), -1)

    def since(self, study_id: int, last: int, asked: set[int]) -> list[FrozenTrial]:
        """The trials of a study with ids above `last`, and those that are asked for by their ids; as `of_study`."""
        return self._get_trials(study_id, None, asked, last)

    def by_id(self, ids: Sequence[int]) -> list[FrozenTrial]:
        """The trials of these ids, in order; one that is not there any more is missing."""
        parts = (ids[first : first + _AT_ONCE] for first in range(0, len(ids), _AT_ONCE))
        return [each for part in parts for each in self._read(_trials.c.trial_id.in_(part))]

    def looking(self) -> Connection:
        """A connection for statements that only look, each by itself."""
        return self._alone()

    def _set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
        previous_distribution: BaseDistribution | None,
    ) -> None:
        told = {"param_value": param_value_internal, "distribution_json": distribution_to_json(distribution)}
        if previous_distribution is not None:
            check_distribution_compatibility(previous_distribution, distribution)
            if self._put(tables().params, trial_id, {"param_name": param_name}, told):
                return
        super()._set_trial_param(trial_id, param_name, param_value_internal, distribution, previous_distribution)

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        """Optuna's."""
        value, kind = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr(intermediate_value)
        told = {"intermediate_value": value, "intermediate_value_type": kind}
        if not self._put(tables().reports, trial_id, {"step": step}, told):
            super().set_trial_intermediate_value(trial_id, step, intermediate_value)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Optuna's."""
        if not self._put(tables().user, trial_id, {"key": key}, {"value_json": json.dumps(value)}):
            super().set_trial_user_attr(trial_id, key, value)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Optuna's."""
        if not self._put(tables().system, trial_id, {"key": key}, {"value_json": json.dumps(value)}):
            super().set_trial_system_attr(trial_id, key, value)

    def _create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> FrozenTrial:
        made = template_trial
        if made is None or made.state != TrialState.RUNNING or made.values or made.params or made.user_attrs:
            return super()._create_new_trial(study_id, made)
        study, system = tables().studies, tables().system
        start = None if made.datetime_start is None else made.datetime_start.astimezone(UTC).replace(tzinfo=None)
        last = select(_trials.c.number).where(_trials.c.study_id == study_id).order_by(_trials.c.trial_id.desc())
        number = func.coalesce(last.limit(1).scalar_subquery() + 1, 0)
        there = select(study.c.study_id).where(study.c.study_id == study_id)
        with self.engine.begin() as connection:
            if connection.dialect.name == "postgresql":  # one at a time, so that no number is given twice
                connection.execute(there.with_for_update())
            values = there.add_columns(
                number,
                literal(TrialState.RUNNING, _trials.c.state.type),
                literal(start, DateTime),
            )
            new = insert(_trials).from_select(["study_id", "number", "state", "datetime_start"], values)
            row = connection.execute(new.returning(_trials.c.trial_id, _trials.c.number)).one_or_none()
            if row is None:
                raise KeyError(models.NOT_FOUND_MSG)
            attributes = [
                {"trial_id": row.trial_id, "key": key, "value_json": json.dumps(value)}
                for key, value in made.system_attrs.items()
            ]
            if attributes:
                connection.execute(insert(system).values(attributes))
        return FrozenTrial(
            number=row.number,
            state=TrialState.RUNNING,
            value=None,
            datetime_start=made.datetime_start,
            datetime_complete=None,
            params={},
            distributions={},
            user_attrs={},
            system_attrs=dict(made.system_attrs),
            intermediate_values={},
            trial_id=row.trial_id,
        )

    def _alone(self) -> Connection:
        """A connection for one statement, which is a transaction by itself."""
        return self.engine.connect().execution_options(**{ISOLATION: None})

    def _put(self, table: Table, trial_id: int, where: Mapping[str, Any], what: Mapping[str, Any]) -> bool:
        """Write one row of a RUNNING trial, or over the one that is there; whether there is such a trial."""
        row = {**where, **what}
        known = select(_trials.c.trial_id, *(literal(value, table.c[name].type) for name, value in row.items())).where(
            _trials.c.trial_id == trial_id, _trials.c.state == TrialState.RUNNING
        )
        made = (postgresql.insert if self.engine.dialect.name == "postgresql" else sqlite.insert)(table)
        made = made.from_select(["trial_id", *row], known)
        over = made.on_conflict_do_update(
            index_elements=["trial_id", *where], set_={name: made.excluded[name] for name in what}
        )
        with self._alone() as connection:
            written = connection.execute(over.execution_options(preserve_rowcount=True)).rowcount == 1
            connection.commit()
        return written

    def _read(self, *which: ColumnElement[bool]) -> list[FrozenTrial]:
        """The trials that fit, in the order of their ids."""
        with self._alone() as connection:
            rows = connection.execute(_all_of(which)).all()
        found: dict[int, SimpleNamespace] = defaultdict(_nothing)
        for trial_id, part, place, key, number, text, begun, ended in rows:
            it = found[trial_id]
            if part == _TRIAL:
                it.trial_id, it.number, it.state = trial_id, place, TrialState[text]
                it.datetime_start, it.datetime_complete = _local(begun), _local(ended)
            elif part == _PARAM:
                one = {"param_id": place, "param_name": key, "param_value": number, "distribution_json": text}
                it.params.append(SimpleNamespace(**one))
            elif part == _VALUE:
                kind = models.TrialValueModel.TrialValueType[text]
                it.values.append(SimpleNamespace(objective=place, value=number, value_type=kind))
            elif part == _REPORT:
                how = models.TrialIntermediateValueModel.TrialIntermediateValueType[text]
                one = {"step": place, "intermediate_value": number, "intermediate_value_type": how}
                it.intermediate_values.append(SimpleNamespace(**one))
            else:
                own = it.user_attributes if part == _USER else it.system_attributes
                own.append(SimpleNamespace(place=place, key=key, value_json=text))
        return [self._build(found[trial_id]) for trial_id in sorted(found)]

    def _build(self, trial: SimpleNamespace) -> FrozenTrial:
        trial.intermediate_values.sort(key=lambda each: each.step)
        for attributes in (trial.user_attributes, trial.system_attributes):
            attributes.sort(key=lambda each: each.place)
        return self._build_frozen_trial_from_trial_model(cast("models.TrialModel", trial))


def _all_of(which: Iterable[ColumnElement[bool]]) -> Any:
    """All rows of the trials that fit, those of each table in the same columns."""
    t = tables()
    own = _trials.c
    wanted = select(own.trial_id, own.number, own.state, own.datetime_start, own.datetime_complete)
    wanted_ = wanted.where(*which).cte("wanted")
    whole: Select[Any] = select(
        wanted_.c.trial_id,
        literal_column(str(_TRIAL), Integer).label("part"),
        wanted_.c.number.label("place"),
        as_type(null(), String).label("key"),
        as_type(null(), Double).label("number"),
        as_type(wanted_.c.state, Text).label("text"),
        wanted_.c.datetime_start.label("begun"),
        wanted_.c.datetime_complete.label("ended"),
    )

    def part(
        number: int, table: Table, place: Column[Any], key: Column[Any] | None, value: Column[Any] | None, text: Any
    ) -> Select[Any]:
        return select(
            table.c.trial_id,
            literal_column(str(number), Integer),
            place,
            as_type(null(), String) if key is None else key,
            as_type(null(), Double) if value is None else as_type(value, Double),
            as_type(text, Text),
            as_type(null(), DateTime),
            as_type(null(), DateTime),
        ).join(wanted_, wanted_.c.trial_id == table.c.trial_id)

    p, v, u, s, r = t.params.c, t.values.c, t.user.c, t.system.c, t.reports.c
    return union_all(
        whole,
        part(_PARAM, t.params, p.param_id, p.param_name, p.param_value, p.distribution_json),
        part(_VALUE, t.values, v.objective, None, v.value, v.value_type),
        part(_USER, t.user, u.trial_user_attribute_id, u.key, None, u.value_json),
        part(_SYSTEM, t.system, s.trial_system_attribute_id, s.key, None, s.value_json),
        part(_REPORT, t.reports, r.step, None, r.intermediate_value, r.intermediate_value_type),
    )


def _nothing() -> SimpleNamespace:
    return SimpleNamespace(params=[], values=[], user_attributes=[], system_attributes=[], intermediate_values=[])


def _local(utc: datetime | None) -> datetime | None:
    """The time of this machine's zone, without its name, as Optuna has it."""
    return None if utc is None else utc.replace(tzinfo=UTC).astimezone().replace(tzinfo=None)
