"""How often each side of a comparison failed to train: in the search, and in the pairs.

A training that failed in the search says as much of a configuration as one that failed in a pair, and a few pairs
seldom contain what is rare. The race does not count: a trial that failed there is out of it, so an optimum has no
failure there by choice. For the same reason the search flatters the optimum a little: one of its trainings ended well.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpo.analysis import Failures, failures
from hpo.experiments.compare.contestants import Contest
from hpo.experiments.measure import Result
from hpo.storage import Storage
from hpo.storage.slots.slot import Slot
from hpo.storage.slots.slots import Slots
from hpo.study import Params

if TYPE_CHECKING:
    from hpo.experiments.compare.stages import Measured

__all__ = ["failed_trainings"]

Counted = tuple[int, int]  # failed, all


def failed_trainings(storage: Storage, contest: Contest, measured: "Measured") -> Failures:
    """Failures of the optimum (a) and of the baseline (b) among their trainings, attempts that came to nothing too.

    Args:
        storage: where the search is.
        contest: who meets whom.
        measured: what the stages came to; every job of the pairs has a result.

    """
    slots = Slots(storage).list(contest.record.name)
    sides = (measured.optimum.params, contest.baseline.params)
    optimum, baseline = (_sum([*_searched(slots, params), *_paired(measured, at)]) for at, params in enumerate(sides))
    return failures(optimum, baseline)


def _searched(slots: Sequence[Slot], params: Params) -> list[Counted]:
    """The search's trials of a configuration.

    What a pruner stopped or somebody has in hand has not come to an end, and what is infeasible nobody trained: neither
    is counted.
    """
    found = []
    for slot in slots:
        if slot.fixed != dict(params):
            continue
        diverged = slot.outcome == "pruned" and (slot.reason or "").startswith("diverged")
        failed = slot.outcome == "failed" or diverged
        found.append((slot.lost + failed, slot.lost + (failed or slot.outcome == "complete")))
    return found


def _paired(measured: "Measured", at: int) -> list[Counted]:
    """The trainings of one side of all pairs, on whichever rows; the optimum's are the first of each pair."""
    found: list[Result] = []
    for jobs, results in measured.pairs.values():
        found += [results[job.key] for job in jobs[at::2]]
    return [(result.lost + (result.value is None), result.lost + 1) for result in found]


def _sum(counted: list[Counted]) -> Counted:
    return sum(failed for failed, _ in counted), sum(trainings for _, trainings in counted)
