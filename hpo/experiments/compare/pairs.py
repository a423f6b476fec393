"""Pairs of trainings that differ in their configuration alone: same rows, same initial seed, same order of batches."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from hpo.errors import StudyError
from hpo.experiments.compare.comparison_report import Scores, Side
from hpo.experiments.compare.contestants import Contest
from hpo.experiments.measure import Result
from hpo.study.direction import worst

if TYPE_CHECKING:
    from hpo.search.job import Job

__all__ = ["PairRows", "pair_jobs", "pair_scores", "pairs_done"]

PairRows = Literal["share", "resampled"]
"""What is drawn anew for each pair: 90 % of the development rows (share), or train and test rows (resampled)."""


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
