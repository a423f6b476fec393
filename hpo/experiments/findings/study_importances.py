"""Importances and interactions of a study's parameters, from what the storage holds."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from hpo.analysis.interaction import Interaction
from hpo.analysis.interaction import interaction as _of_two
from hpo.analysis.parameter_importance import Importances
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
    trials, distributions = _read(storage, record.name)
    found = _of_trials(trials, distributions, direction=cast("Direction", record.direction), seed=seed)
    rung = f"trials of the first rung, {record.fidelities[0]}, alone are looked at" if record.rungs is not None else ""
    alone = f"only {record.metric} is looked at, not {' and '.join(record.costs)}" if record.costs else ""
    note = "; ".join(filter(None, [found.note, _left_out(Slots(storage).counts(record.name)), rung, alone]))
    return replace(found, note=note)


def interaction(storage: Storage, word: str, found: Importances) -> Interaction | None:
    """The two most important parameters of `found` that have met in a trial; None where there are no two.

    Raises:
        StudyError: as for `importances`.

    """
    trials, distributions = _read(storage, _search(storage, word).name)
    ranked = [one.name for one in found.parameters]
    if not ranked:
        return None
    first = ranked[0]
    for second in ranked[1:]:  # the next one may exist only where the first has no meaning
        together = _of_two(trials, distributions, first, second)
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


def _left_out(counts: Counts) -> str:
    """Which settled trials do not count, and why; empty where all do."""
    numbers = [f"{number} {what}" for what, number in (("pruned", counts.pruned), ("failed", counts.failed)) if number]
    if not numbers:
        return ""
    one = counts.pruned + counts.failed == 1
    said = f"{' and '.join(numbers)} {'trial is' if one else 'trials are'} left out"
    return f"{said}: a pruned one has no value that compares with the others" if counts.pruned else said


def _read(storage: Storage, study: str) -> tuple[Trials, "dict[str, BaseDistribution]"]:
    """Parameters and value of every complete trial by position, and the distribution of each parameter.

    Where the study climbs, of the first rung alone: values of two fidelities cannot be compared, and there are most.
    What is complete is for the slots to say; how each parameter was drawn, only Optuna knows.
    """
    drawn = stored_trials.distributions(storage, study)
    slots = Slots(storage).list(study)
    trials = [
        ({name: value for name, value in slot.params.items() if name in drawn}, slot.value)
        for slot in slots
        if slot.outcome == "complete" and not slot.rung and slot.params is not None and slot.value is not None
    ]
    declared = dict.fromkeys(name for params, _ in trials for name in params)  # what has no order in a database
    return trials, {name: drawn[name] for name in declared}
