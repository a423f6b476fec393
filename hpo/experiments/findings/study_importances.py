"""Importances and interactions of a study's parameters, from what the storage holds."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from hpo.analysis.interaction import Interaction
from hpo.analysis.interaction import interaction as _of_two
from hpo.analysis.parameter_importance import ENOUGH_TRIALS, Importances
from hpo.analysis.parameter_importance import importances as _of_trials
from hpo.errors import StudyError
from hpo.storage import Storage, studies
from hpo.storage.queries import stored_trials
from hpo.storage.slots.slot import Counts
from hpo.storage.slots.slots import Slots
from hpo.study import Direction, Params

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = ["importances", "interaction"]

Trials = Sequence[tuple[Params, float]]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """The trials of a search that can be compared with one another: of one rung, and at one point of their training."""

    trials: Trials  # parameters and value of each, by position
    distributions: "dict[str, BaseDistribution]"  # of each parameter
    basis: str  # which trials, in words that follow their number


def importances(storage: Storage, word: str, *, seed: int = 0) -> Importances:
    """Which parameters of a search matter; `parameters` is empty, and `note` says why, where nothing can be said.

    Args:
        storage: where the study is.
        word: its name, or that of its definition.
        seed: of the resamples behind the intervals.

    Raises:
        StudyError: there is no such study, or it is no search.

    """
    record = _search(storage, word)
    its = _compared(storage, record)
    found = _of_trials(its.trials, its.distributions, direction=cast("Direction", record.direction), seed=seed)
    alone = f"only {record.metric} is looked at, not {' and '.join(record.costs)}" if record.costs else ""
    note = "; ".join(filter(None, [found.note, _left_out(its, Slots(storage).counts(record.name)), alone]))
    return replace(found, basis=its.basis, note=note)


def interaction(storage: Storage, word: str, found: Importances) -> Interaction | None:
    """The two most important parameters of `found` that have met in a trial; None where there are no two.

    Raises:
        StudyError: as for `importances`.

    """
    its = _compared(storage, _search(storage, word))
    ranked = [one.name for one in found.parameters]
    if not ranked:
        return None
    first = ranked[0]
    for second in ranked[1:]:  # the next one may exist only where the first has no meaning
        together = _of_two(its.trials, its.distributions, first, second)
        if together is not None:
            return together
    return None


def _search(storage: Storage, word: str) -> studies.StudyRecord:
    record = studies.find(storage, word)
    if record.kind != "search":
        raise StudyError(
            f"study {record.name!r} is a {record.kind}, whose configurations were not searched for: importances are of "
            f"a search, such as {record.parent or 'those hpo status lists'}"
        )
    return record


def _left_out(its: Compared, counts: Counts) -> str:
    """How many settled trials are not looked at; empty where all are."""
    left = counts.settled - len(its.trials)
    if left <= 0:
        return ""
    return (
        f"{left} settled {'trial is' if left == 1 else 'trials are'} left out, whose values compare with none of these"
    )


def _compared(storage: Storage, record: studies.StudyRecord) -> Compared:
    """The trials of the rung where most have a value, at the latest point that enough of them have reached.

    Values of two fidelities cannot be compared, nor a pruned trial's last report with what others came to at their end.
    So it is the end, where enough are complete, or else the latest step at which enough have a report, pruned ones
    among them; where none is reached by enough, the point that most have reached.

    What is complete is for the slots to say; how each parameter was drawn, only Optuna knows.
    """
    drawn = stored_trials.distributions(storage, record.name)
    slots = [slot for slot in Slots(storage).list(record.name) if slot.params and slot.value is not None]
    slots = [slot for slot in slots if slot.outcome in ("complete", "pruned")]
    on_rung = Counter(slot.rung for slot in slots)
    rung = max(on_rung, key=lambda one: (on_rung[one], one), default=0)
    slots = [slot for slot in slots if slot.rung == rung]
    complete = {slot.id: slot.value for slot in slots if slot.outcome == "complete" and slot.value is not None}
    where = f" at {record.fidelity_of(rung)}" if record.rungs is not None else ""
    points: list[tuple[str, dict[int, float]]] = [(f"complete{where}", complete)]  # the latest point first
    if len(complete) < min(ENOUGH_TRIALS, len(slots)):
        curves = {trial.number: dict(trial.curve) for trial in stored_trials.read(storage, record.name)}
        its = {slot.id: curves.get(slot.trial_number, {}) for slot in slots if slot.trial_number is not None}
        for step in sorted({step for curve in its.values() for step in curve}, reverse=True):
            reached = {id_: curve[step] for id_, curve in its.items() if math.isfinite(curve.get(step, math.nan))}
            points.append((f"complete or pruned, as they were at step {step}{where}", reached))
    enough = next((point for point in points if len(point[1]) >= ENOUGH_TRIALS), None)
    basis, values = enough or max(points, key=lambda point: len(point[1]))
    trials = [
        ({name: value for name, value in (slot.params or {}).items() if name in drawn}, values[slot.id])
        for slot in slots
        if slot.id in values
    ]
    declared = dict.fromkeys(name for params, _ in trials for name in params)  # what has no order in a database
    return Compared(trials=trials, distributions={name: drawn[name] for name in declared}, basis=basis)
