"""The race: the best of a search and the baseline on common validation rows, so that the winner is no lucky trial."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from hpo.analysis import Racer, rank
from hpo.errors import StudyError
from hpo.experiments.compare.comparison_report import Heat, Side
from hpo.experiments.compare.contestants import Contest
from hpo.experiments.measure import Result
from hpo.study import Fidelity

if TYPE_CHECKING:
    from hpo.search.job import Job

__all__ = ["FINALISTS", "heat", "heat_jobs"]

FINALISTS = 3  # of the first heat that enter the second, where the final's fidelity is another than the search's


def heat_jobs(contest: Contest, sides: Sequence[Side], rounds: int) -> "list[Job]":
    """Every side on every round's split; round by round, so that those that are done can be compared."""
    from hpo.search.job import Job
    from hpo.search.seeds import derive

    return [
        Job(
            rows="validation",
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
