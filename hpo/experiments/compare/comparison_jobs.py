"""The trainings of a comparison, and what their results say of both sides.

The race: the best of a search and the baseline on common validation rows, so that the winner is no lucky trial. The
pairs: trainings that differ in their configuration alone, with the same rows, initial seed and order of batches. And
how often each side failed to train.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from hpo.analysis import Failures, Racer, failures, rank
from hpo.errors import StudyError
from hpo.experiments.compare.comparison_report import Heat, Scores, Side
from hpo.experiments.compare.comparison_request import Contest
from hpo.experiments.measure import Result
from hpo.storage import Storage
from hpo.storage.slots.slot import Slot
from hpo.storage.slots.slots import Slots
from hpo.study import Fidelity
from hpo.study.direction import worst
from hpo.study.plain_objective import PlainObjective

if TYPE_CHECKING:
    from hpo.search.job import Job

__all__ = [
    "FINALISTS",
    "PairRows",
    "Trained",
    "failed_trainings",
    "heat",
    "heat_jobs",
    "pair_jobs",
    "pair_scores",
    "pairs_done",
]


FINALISTS = 3  # of the first heat that enter the second, where the final's fidelity is another than the search's

PairRows = Literal["share", "resampled", "development", "own"]
"""What is drawn anew for each pair: 90 % of the development rows (share), train and test rows (resampled), the order of
streams (development), or whatever an objective of somebody's own draws by the pair's seed (own)."""

Trained = tuple["tuple[Job, ...]", Mapping[str, Result]]
"""Jobs, and what came of each, by its key."""


def heat_jobs(contest: Contest, sides: Sequence[Side], rounds: int) -> "list[Job]":
    """Every side on every round's split; round by round, so that those that are done can be compared."""
    from hpo.search.job import Job
    from hpo.search.seeds import derive

    return [
        Job(
            rows="own" if isinstance(contest.definition, PlainObjective) else "validation",
            params=side.params,
            seed=derive(contest.record.seed, "race", number),
            note=f"{side.name}, round {number + 1}",
        )
        for number in range(rounds)
        for side in sides
    ]


def heat(
    contest: Contest, sides: Sequence[Side], rounds: int, fidelity: Fidelity, results: Mapping[str, Result]
) -> Heat:
    """Who won a heat whose jobs all have a result.

    A racer without a score in some round (diverged, failed) is out: what trains only sometimes is no optimum.
    At another fidelity than the search's, the search's values say nothing of the scores, so they are left out. Where
    the search's best trial is out, nobody knows how far the search flattered it, and no other's optimism stands for it.

    Raises:
        StudyError: no candidate has a score in every round.

    """
    racers: list[Racer] = []
    dropped: list[str] = []
    for side in sides:
        found = [results[job.key] for job in heat_jobs(contest, [side], rounds)]
        scores = [result.value for result in found if result.value is not None]
        if len(scores) < rounds:
            reason = next(result.reason for result in found if result.value is None)
            dropped.append(f"{side.name}: {reason or 'no score'}")
            continue
        number = None if side is contest.baseline else (-1 if side.number is None else side.number)
        value = side.value if fidelity == contest.search_fidelity else None
        racers.append(Racer(name=side.name, number=number, search_value=value, scores=tuple(scores)))
    if not any(racer.name != contest.baseline.name for racer in racers):
        raise StudyError(
            f"none of the {len(sides) - 1} best trials of {contest.record.name} could be trained again at fidelity "
            f"{fidelity.name}: {'; '.join(dropped)}"
        )
    finding = rank(racers, direction=contest.definition.direction, seed=contest.record.seed)
    if all(racer.name != contest.candidates[0].name for racer in racers):
        finding = replace(finding, optimism=None, optimism_ci95=None)
    return Heat(fidelity=fidelity.name, rounds=rounds, finding=finding, dropped=tuple(dropped))


def pair_jobs(contest: Contest, optimum: Side, rows: PairRows, pairs: int) -> "list[Job]":
    """Both sides of each pair, the optimum first, pair by pair, so that early pairs are complete early."""
    return [job for number in range(pairs) for job in _pair(contest, optimum, rows, number)]


def pairs_done(contest: Contest, optimum: Side, rows: PairRows, results: Mapping[str, Result]) -> int:
    """How many pairs have results on both sides, from the first on without a gap."""
    for number in range(len(results) + 1):
        if not all(job.key in results for job in _pair(contest, optimum, rows, number)):
            return number
    return 0  # not reached: no more pairs than results


def pair_scores(jobs: "Sequence[Job]", results: Mapping[str, Result], direction: str) -> Scores:
    """The scores of pairs whose jobs, from `pair_jobs`, all have a result.

    A side that gave none (diverged, failed, out of time) gets the worst score of all pairs there. To leave the pair out
    would favour what fails; the worst score makes it a lost one, and the record says which.

    Raises:
        StudyError: one side gave no score at all.

    """
    found = [results[job.key] for job in jobs]
    for side, which in (("optimum", found[0::2]), ("baseline", found[1::2])):
        if all(result.value is None for result in which):
            reason = which[-1].reason or "no reason was recorded"
            raise StudyError(f"the {side} gave no score in any of {len(which)} pairs, so there is no verdict: {reason}")
    known = [result.value for result in found if result.value is not None]
    lowest = worst(direction, known)
    scores = [lowest if result.value is None else result.value for result in found]
    lost = tuple(
        f"{job.note}: {result.reason or 'no score'}"
        for job, result in zip(jobs, found, strict=True)
        if result.value is None
    )
    return Scores(optimum=tuple(scores[0::2]), baseline=tuple(scores[1::2]), lost=lost)


def _pair(contest: Contest, optimum: Side, rows: PairRows, number: int) -> "list[Job]":
    from hpo.search.job import Job
    from hpo.search.seeds import derive

    return [
        Job(
            rows=rows,
            params=side.params,
            seed=derive(contest.record.seed, "pair", number),
            note=f"{side.name}, pair {number + 1}",
            keep=number == 0 and rows == "share",  # what each says of the test rows, for a page to show
        )
        for side in (optimum, contest.baseline)
    ]


def failed_trainings(storage: Storage, contest: Contest, optimum: Side, pairs: Iterable[Trained]) -> Failures:
    """Failures of the optimum (a) and of the baseline (b) among their trainings, attempts that came to nothing too.

    A training that failed in the search says as much of a configuration as one that failed in a pair, and a few pairs
    seldom contain what is rare. The race does not count: a trial that failed there is out of it, so an optimum has no
    failure there by choice. For the same reason the search flatters the optimum a little: one of its trainings ended
    well.

    Args:
        storage: where the search is.
        contest: who meets whom.
        optimum: the winner of the race.
        pairs: the pairs on whichever rows, every job with a result.

    """
    slots, found = Slots(storage).list(contest.record.name), list(pairs)
    counts = []
    for at, side in enumerate((optimum, contest.baseline)):  # the optimum's is the first of each pair
        paired = [results[job.key] for jobs, results in found for job in jobs[at::2]]
        counted = [_failed(slot) for slot in slots if slot.fixed == dict(side.params)]
        counted += [(result.lost + (result.value is None), result.lost + 1) for result in paired]
        counts.append((sum(failed for failed, _ in counted), sum(trainings for _, trainings in counted)))
    return failures(*counts)


def _failed(slot: Slot) -> tuple[int, int]:
    """How many trainings of a trial of the search failed, of how many.

    What a pruner stopped or somebody has in hand has not come to an end, and what is infeasible nobody trained: neither
    is counted.
    """
    diverged = slot.outcome == "pruned" and (slot.reason or "").startswith("diverged")
    failed = slot.outcome == "failed" or diverged
    return slot.lost + failed, slot.lost + (failed or slot.outcome == "complete")
