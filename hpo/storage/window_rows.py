"""The first look through a window at a long study: which trials are in it is found by statements, not by reading all.

A worker does it once for a study; what is new comes a trial at a time. The statements look through the whole study, so
they take longer the longer it is, as its count does: a fraction of a second at 100,000 trials.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, not_, select

from hpo.optuna_internals import CONSTRAINT, fronts, tables, value_of_objective
from hpo.search.trial_window import KEPT_GENERATIONS, Window

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from hpo.storage.optuna_statements import FewStatements

__all__ = ["FirstLook", "first_look"]


@dataclass(frozen=True, kw_only=True)
class FirstLook:
    """What a window begins with."""

    trials: "Sequence[FrozenTrial]"  # all that may be in it, and all that are not finished
    last: int  # Optuna's id of a trial: what is older is among these or out of the window


def first_look(rdb: "FewStatements", study: int, window: Window, maximize: Sequence[bool]) -> FirstLook:
    """The trials of a study from which its window can be told; of a study no longer than that, all.

    Args:
        rdb: Optuna's tables.
        study: Optuna's id of the study.
        window: which trials are asked for.
        maximize: of each objective, whether more is better.

    Raises:
        KeyError: there is no such study.

    """
    trial = tables().trials.c
    own = trial.study_id == study
    done = and_(own, trial.state.in_(["COMPLETE", "PRUNED"]))
    with rdb.looking() as connection:
        # First of all: what begins later has a higher id, and what is unfinished is asked for after it.
        last = connection.execute(select(func.max(trial.trial_id)).where(own)).scalar()
        several = connection.execute(select(func.count()).where(done)).scalar_one()
    if last is None or several <= window.trials:
        return FirstLook(trials=rdb.of_study(study), last=-1 if last is None else last)
    unfinished = rdb.of_study(study, unfinished=True)
    with rdb.looking() as connection:
        by_time = (trial.datetime_complete.desc().nulls_last(), trial.number.desc())
        # One more than there is room for: the last that is left out says how far the window reaches.
        latest = select(trial.trial_id).where(done).order_by(*by_time).limit(window.trials + 1)
        ids = set(connection.execute(latest).scalars())
        ids |= set(_best(connection, own, window, maximize))
        if window.generations is not None:
            ids |= _bred(connection, own, window.generations)
    return FirstLook(trials=[*unfinished, *rdb.by_id(sorted(ids))], last=last)


def _best(connection: Connection, own: ColumnElement[bool], window: Window, maximize: Sequence[bool]) -> list[int]:
    """Ids of the best trials; see `KeptTrials`."""
    trial = tables().trials.c
    complete = and_(own, trial.state == "COMPLETE", not_(_broken()))
    if len(maximize) > 1:
        return _fronts(connection, complete, window, maximize)
    value = tables().values.c
    query = select(trial.trial_id).join(tables().values, value.trial_id == trial.trial_id).where(complete)
    worst_last = _worst_last(value.value, value.value_type, maximize=maximize[0])
    found = list(connection.execute(query.order_by(*worst_last, trial.number).limit(window.best)).scalars())
    if len(found) < window.best:
        found += connection.execute(_pruned(own, window.best - len(found), maximize=maximize[0])).scalars()
    return found


def _pruned(own: ColumnElement[bool], most: int, *, maximize: bool) -> Select[int]:
    """Those that came farthest, and of these the best there."""
    trial, report = tables().trials.c, tables().reports.c
    farthest = (
        select(report.trial_id, func.max(report.step).label("step"))
        .join(tables().trials, trial.trial_id == report.trial_id)
        .where(own, trial.state == "PRUNED", not_(_broken()))
        .group_by(report.trial_id)
        .subquery()
    )
    there = and_(report.trial_id == farthest.c.trial_id, report.step == farthest.c.step)
    query = select(farthest.c.trial_id).join(tables().reports, there)
    query = query.join(tables().trials, trial.trial_id == farthest.c.trial_id)
    worst_last = _worst_last(report.intermediate_value, report.intermediate_value_type, maximize=maximize)
    return query.order_by(farthest.c.step.desc(), *worst_last, trial.number).limit(most)


def _fronts(
    connection: Connection, complete: ColumnElement[bool], window: Window, maximize: Sequence[bool]
) -> list[int]:
    """Front by front; of the front that does not fit in whole those that finished last."""
    trial, value = tables().trials.c, tables().values.c
    query = (
        select(trial.trial_id, value.objective, value.value, value.value_type)
        .join(tables().values, value.trial_id == trial.trial_id)
        .where(complete)
        .order_by(trial.datetime_complete.desc().nulls_last(), trial.number.desc(), value.objective)
    )
    rows = connection.execute(query).all()
    if not rows:
        return []
    ids = [row.trial_id for row in rows if row.objective == 0]
    values = [value_of_objective(row.value, row.value_type) for row in rows]
    signs = [-1.0 if each else 1.0 for each in maximize]
    ranks = fronts(np.array(values).reshape(len(ids), len(maximize)) * signs, window.best)
    return [ids[place] for place in np.argsort(ranks, kind="stable")[: window.best]]


def _bred(connection: Connection, own: ColumnElement[bool], key: str) -> set[int]:
    """Ids of the complete trials of the newest generations."""
    trial, noted = tables().trials.c, tables().system.c
    query = select(trial.trial_id, noted.value_json).join(tables().system, noted.trial_id == trial.trial_id)
    rows = connection.execute(query.where(own, trial.state == "COMPLETE", noted.key == key)).all()
    newest = max((int(row.value_json) for row in rows), default=0)
    return {row.trial_id for row in rows if int(row.value_json) > newest - KEPT_GENERATIONS}


def _broken() -> ColumnElement[bool]:
    """Of a trial: whether it breaks a constraint, each of which is a number of its own; broken where above 0."""
    trial, noted = tables().trials.c, tables().system.c
    above = and_(not_(noted.value_json.startswith("-")), noted.value_json.not_in(["0", "0.0", "NaN"]))
    constraint = noted.key.startswith(f"{CONSTRAINT}:", autoescape=True)
    return select(noted.trial_id).where(noted.trial_id == trial.trial_id, constraint, above).exists()


def _worst_last(value: ColumnElement[Any], kind: ColumnElement[Any], *, maximize: bool) -> list[ColumnElement[Any]]:
    order = case((kind == ("INF_POS" if maximize else "INF_NEG"), 0), (kind == "FINITE", 1), else_=2)
    return [order, value.desc() if maximize else value.asc()]
