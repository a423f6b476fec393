"""From trainings that are done to a verdict: the race, the pairs and the look, with scores that a formula gives."""

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from hpo import storage
from hpo.analysis import compare as analysed
from hpo.analysis import interim_alpha
from hpo.experiments import measure
from hpo.experiments.compare.comparison_plan import Stage, plan_comparison, walk
from hpo.experiments.compare.comparison_report import CompareReport
from hpo.experiments.compare.comparison_request import CompareRequest, contest
from hpo.experiments.compare.comparison_run import read, run_comparison
from hpo.experiments.measure import Result
from hpo.search.job import Job
from hpo.storage import studies
from hpo.storage.slots.slots import Slots
from hpo.study import registry

DEFINITION = """
import numpy as np
from hpo.data import Dataset, Rows
from hpo.study import *

def rows():
    x = np.zeros((50, 1), np.float32)
    return Dataset(name="rows", development=Rows(x=x[:40], y=x[:40, 0]), test=Rows(x=x[40:], y=x[40:, 0]))

def nothing(*_):
    raise AssertionError("nothing is trained here")

study = StudyDefinition(
    name="known", title="Known", data=rows, build=nothing, metric="mae", direction="minimize",
    spaces=(Space(name="line", params={"x": Float(low=0.0, high=1.0)}),), evaluation=Holdout(rows=8),
    fidelities=(Fidelity(name="quick", epochs=3),), baselines=(Baseline(name="by-hand", title="", params={"x": 0.5}),),
    margin=0.01,
)
"""
PAIRS = 8


def score(job: Job) -> float:
    """An error: the larger x, the larger; every seed has its luck, and some of it depends on the configuration."""
    luck = np.random.default_rng(job.seed).normal(scale=0.3)
    own = np.random.default_rng(job.seed + round(1000 * job.params["x"])).normal(scale=0.05)
    return float(2 + job.params["x"] + luck + own)


@pytest.fixture
def opened(tmp_path: Path) -> storage.Storage:
    """A database with a search whose best trial was lucky: x = 0.4, which is worse than x = 0.1."""
    file = tmp_path / "known.py"
    file.write_text(DEFINITION)
    store = storage.prepare(f"sqlite:///{tmp_path}/hpo.db")
    space = registry.load(f"{file}:study").space()
    studies.create_or_resume(
        store,
        studies.StudyPlan(
            name="known", reference=f"{file}:study", definition="known", space="line", fingerprint=space.fingerprint,
            fidelity="quick", direction="minimize", metric="mae", seed=7, sampler="random", pruner="none",
        ),
    )  # fmt: skip
    slots = Slots(store)
    slots.open("known", 3)
    for number, (x, value) in enumerate([(0.5, 2.5), (0.4, 1.0), (0.1, 2.0)]):
        slot = slots.claim("known", "me", 60)
        assert slot is not None
        assert slots.settle(slot, "complete", value, params={"x": x}, trial_number=number)
    return store


def told(
    opened: storage.Storage, *, fails: Callable[[Job], bool] = lambda _: False, dies: float | None = None, **options
) -> CompareReport:
    """Settle every job of the comparison by `score`, then compare: nothing is left to train.

    Those that fail diverge, and of the pairs the first training with x = `dies` takes two attempts.
    """
    request = CompareRequest(**{"study": "known", "storage": opened.url, "pairs": PAIRS, "rounds": 4, **options})

    def do(stage: Stage) -> Mapping[str, Result]:
        studies.create_or_resume(opened, stage.plan)
        slots = Slots(opened)
        slots.add(stage.plan.name, stage.jobs)
        while (slot := slots.claim(stage.plan.name, "me", 60)) is not None:
            job = Job.from_payload(slot.payload)
            if stage.name == "final" and job.params["x"] == dies and slot.attempt == 1 and job.note.endswith("pair 1"):
                slots.record_crash("me", "signal 9")
            elif fails(job):
                assert slots.settle(slot, "pruned", reason="diverged: the loss was not finite", params=job.params)
            else:
                assert slots.settle(slot, "complete", score(job), params=job.params)
        return measure.results(opened, stage.plan.name)

    walk(opened, contest(opened, request), do)
    with closing(plan_comparison(request)) as plan:
        return run_comparison(plan)


@pytest.mark.thorough
def test_smaller_errors_win_the_race_and_the_pairs(opened: storage.Storage) -> None:
    report = told(opened)
    assert report.optimum.params == {"x": 0.1}  # and not the search's lucky one
    alpha = interim_alpha(1)
    again = analysed(report.scores.optimum, report.scores.baseline, direction="minimize", margin=0.01, alpha=alpha)
    assert (report.comparison.difference, report.comparison.verdict) == (again.difference, "better")
    assert report.comparison.ci == again.ci
    assert (report.comparison.margin, report.comparison.alpha) == (0.01, alpha)
    # Both sides of a pair have the same luck, which the difference is rid of.
    assert np.corrcoef(report.scores.optimum, report.scores.baseline)[0, 1] > 0.9
    assert told(opened, margin=0.5).comparison.margin == 0.5


def test_resampled_rows_widen_the_interval_for_their_correlation(opened: storage.Storage) -> None:
    report = told(opened, resample=True)
    plain = analysed(report.scores.optimum, report.scores.baseline, direction="minimize", margin=0.01, alpha=0.0375)
    found = report.comparison
    assert report.rows == "resampled"
    assert found.ci95 is not None
    assert plain.ci95 is not None
    # Nadeau and Bengio's variance: 1/pairs + test rows / training rows in place of 1/pairs.
    wider = ((1 / PAIRS + 10 / 40) / (1 / PAIRS)) ** 0.5
    assert found.ci95[1] - found.ci95[0] == pytest.approx(wider * (plain.ci95[1] - plain.ci95[0]))


def search_more(opened: storage.Storage, trials: int, x: float) -> None:
    """More trials of the search, of one configuration, all of which diverge."""
    slots = Slots(opened)
    slots.open("known", 3 + trials)
    while (slot := slots.claim("known", "me", 60)) is not None:
        assert slots.settle(slot, "pruned", reason="diverged: the loss was not finite", params={"x": x})


@pytest.mark.thorough
def test_an_optimum_with_failures_in_the_search_is_better_only_when_it_trains(opened: storage.Storage) -> None:
    assert told(opened).comparison.verdict == "better"
    search_more(opened, 7, x=0.1)
    report = told(opened)
    found = report.comparison
    assert report.optimum.params == {"x": 0.1}
    assert (found.verdict, found.by_scores) == ("unreliable", "better")
    assert found.failures is not None
    assert (found.failures.a.failed, found.failures.a.trainings) == (7, 7 + 1 + PAIRS)
    assert (found.failures.b.failed, found.failures.b.trainings) == (0, 1 + PAIRS)
    assert [(look.number, look.verdict) for look in report.interim_analyses] == [
        (1, "unreliable")
    ]  # the same pairs, the same look
    assert read(opened, "known") == report
    assert report.shortfall("better") is not None


def test_a_failing_baseline_leaves_the_verdict_better(opened: storage.Storage) -> None:
    search_more(opened, 7, x=0.5)
    assert told(opened).comparison.verdict == "better"


def test_a_pair_that_diverged_stays_a_pair_and_counts_as_a_failure(opened: storage.Storage) -> None:
    report = told(opened, fails=lambda job: job.params["x"] == 0.1 and job.note.endswith("pair 3"), dies=0.5)
    assert report.comparison.pairs == PAIRS
    assert report.scores.optimum[2] == max(report.scores.optimum + report.scores.baseline)  # an error: the worst of all
    assert report.scores.lost == ("trial 2, pair 3: diverged: the loss was not finite",)
    found = report.comparison.failures
    assert found is not None
    assert (found.a.failed, found.a.trainings) == (1, 1 + PAIRS)
    assert (found.b.failed, found.b.trainings) == (1, 2 + PAIRS)  # its first attempt died
