"""Who can be compared with whom, found in a real database; what cannot be is refused in one line."""

import contextlib
from pathlib import Path

import pytest

from hpo import storage
from hpo.analysis import compare
from hpo.cli.printing.comparison_text import announce
from hpo.errors import DefinitionError, HpoError, StudyError, UnknownStudyError, UsageError
from hpo.experiments import measure
from hpo.experiments.compare import interim_analyses
from hpo.experiments.compare.comparison_plan import plan_comparison
from hpo.experiments.compare.comparison_request import CompareRequest, contest
from hpo.experiments.compare.comparison_run import read
from hpo.storage import studies
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyRecord
from hpo.study import registry

DEFINITION = """
from hpo.study import *

def nothing(*_):
    raise AssertionError("nothing is trained here")

space = Space(name="small", params={"x": Float(low=0.0, high=1.0), "kind": Categorical(choices=("a", None))})
study = StudyDefinition(
    name="bench", title="Bench", data=nothing, build=nothing, metric="score", score=nothing,
    direction="minimize", spaces=(space,),
    evaluation=Holdout(rows=1),
    fidelities=(Fidelity(name="quick", epochs=3, trial_seconds=2), Fidelity(name="full", epochs=9)),
    baselines=(Baseline(name="by-hand", title="A guess", params={"x": 0.5, "kind": None}),
               Baseline(name="other", title="Another", params={"x": 0.75, "kind": "a"})),
    infeasible=lambda params: "x is a quarter" if params["x"] == 0.25 else None,
)
"""
HAND = {"x": 0.5, "kind": None}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "bench.py"
    made.write_text(DEFINITION)
    return made


@pytest.fixture
def opened(file: Path) -> storage.Storage:
    return storage.prepare(f"sqlite:///{file.parent}/hpo.db")


@pytest.fixture
def search(opened: storage.Storage, file: Path) -> StudyRecord:
    definition = registry.load(f"{file}:study")
    return studies.create_or_resume(
        opened,
        studies.StudyPlan(
            name="bench-small-quick", reference=f"{file}:study", definition="bench", space="small",
            fingerprint=definition.space().fingerprint, fidelity="quick", direction="minimize", metric="score", seed=7,
            sampler="random", pruner="none",
        ),
    )  # fmt: skip


def settle(opened: storage.Storage, *results: tuple[dict | None, str, float | None]) -> None:
    """Settle so many slots with these configurations, outcomes and values."""
    slots = Slots(opened)
    slots.open("bench-small-quick", len(results))
    for number, (params, outcome, value) in enumerate(results):
        slot = slots.claim("bench-small-quick", "me", 60)
        assert slot is not None
        assert slots.settle(slot, outcome, value, params=params, trial_number=number)


def request(opened: storage.Storage, **changes) -> CompareRequest:
    return CompareRequest(**{"study": "bench", "storage": opened.url, **changes})


def refusal(opened: storage.Storage, kind: type[HpoError] = StudyError, **changes) -> str:
    with pytest.raises(kind) as refused:
        plan_comparison(request(opened, **changes))
    assert "\n" not in str(refused.value)
    assert type(refused.value) is kind
    return str(refused.value)


def test_the_best_distinct_complete_trials_are_compared_with_the_baseline(
    opened: storage.Storage, search: StudyRecord
) -> None:
    settle(
        opened,
        (HAND, "complete", 2.5),
        ({"x": 0.1, "kind": "a"}, "complete", 2.0),
        ({"x": 0.2, "kind": "a"}, "complete", 1.0),
        ({"x": 0.2, "kind": "a"}, "complete", 1.5),  # the same configuration once more
        ({"x": 0.3, "kind": "a"}, "pruned", 0.1),
        ({"x": 0.4, "kind": None}, "complete", 3.0),
        (None, "failed", None),
    )
    found = contest(opened, request(opened))
    assert [(side.name, side.value) for side in found.candidates] == [
        ("trial 2", 1.0),
        ("trial 1", 2.0),
        ("trial 5", 3.0),
    ]
    assert (found.baseline.name, found.baseline.number, found.baseline.value) == ("by-hand", 0, 2.5)
    assert len(contest(opened, request(opened, candidates=2)).candidates) == 2
    other = contest(opened, request(opened, baseline="other")).baseline
    assert (other.name, other.number, other.value, dict(other.params)) == (
        "other",
        None,
        None,
        {"x": 0.75, "kind": "a"},
    )
    # The hand-picked one is compared with, so it is no candidate; with another baseline it would be none either way.
    assert "by-hand" not in [side.name for side in found.candidates]


@pytest.mark.parametrize(("value", "leads"), [(0.5, True), (2.5, False)])
def test_a_search_whose_optimum_is_the_baseline_says_what_is_compared_with_it(
    opened: storage.Storage, search: StudyRecord, value: float, leads: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(opened, (HAND, "complete", value), ({"x": 0.1, "kind": "a"}, "complete", 2.0))
    with contextlib.closing(plan_comparison(request(opened))) as plan:
        assert plan.contest.leads is leads
        announce(plan)
    said = "baseline by-hand itself; compared with it is the best that was found besides, trial 1"
    assert (said in " ".join(capsys.readouterr().err.split())) is leads


def test_a_plan_trains_nothing_and_writes_nothing(opened: storage.Storage, search: StudyRecord) -> None:
    settle(opened, (HAND, "complete", 2.5), ({"x": 0.1, "kind": "a"}, "complete", 2.0))
    ahead = plan_comparison(request(opened, pairs=8, rounds=2))
    assert [(foreseen.stage.name, foreseen.left) for foreseen in ahead.stages] == [
        ("race", 4), ("second heat", 2), ("final", 16),
    ]  # fmt: skip
    assert ahead.left == 22
    assert [record.name for record in studies.list_all(opened)] == [search.name]
    same = plan_comparison(request(opened, pairs=8, fidelity="quick"))
    assert [foreseen.stage.name for foreseen in same.stages] == ["race", "final"]
    assert same.seconds is not None
    resampled = plan_comparison(request(opened, resample=True, fidelity="quick"))
    assert [foreseen.stage.name for foreseen in resampled.stages] == ["race", "resampled"]
    assert read(opened, search.name) is None


def test_a_stored_report_of_another_version_is_ignored(opened: storage.Storage, search: StudyRecord) -> None:
    look = interim_analyses.take(
        opened, search, rows="share", baseline="by-hand", fidelity="full", optimum="a" * 64, pairs=12
    )
    for document in ({"rows": "share", "verdict": "better"}, {}, [1], "text"):
        interim_analyses.conclude(opened, search, look, compare([0.9] * 8, [0.7] * 8), document)
        assert read(opened, search.name) is None


def test_a_search_with_nothing_to_compare_says_what_it_has(opened: storage.Storage, search: StudyRecord) -> None:
    assert "has no trial yet" in refusal(opened)
    Slots(opened).open(search.name, 1)
    assert "0 pruned, 0 failed, 1 not done" in refusal(opened)
    studies.delete(opened, search.name)
    assert "there is no study 'bench'" in refusal(opened, UnknownStudyError)


@pytest.mark.parametrize(
    ("results", "words"),
    [
        ([(HAND, "complete", 2.5)], "the only complete trial of bench-small-quick is the baseline's"),
        ([(HAND, "complete", 2.5), (None, "failed", None)], "the only complete trial"),
        ([({"x": 0.1, "kind": "a"}, "pruned", 2.0)] * 3, "3 pruned, 0 failed, 0 not done"),
        ([(None, "failed", None)] * 2, "0 pruned, 2 failed, 0 not done"),
    ],
    ids=["one trial", "baseline and failures", "all pruned", "all failed"],
)
def test_a_search_without_a_candidate_is_refused_with_the_reason(
    opened: storage.Storage, search: StudyRecord, results: list, words: str
) -> None:
    settle(opened, *results)
    said = refusal(opened)
    assert words in said
    if all(outcome != "complete" for _, outcome, _ in results):  # more of the same may come to nothing likewise
        assert "hpo status bench-small-quick shows why" in said
    if "hpo optimize" in said:  # as it can be typed: with a total that adds some
        assert f" --trials {2 * len(results)} --space small --fidelity quick --name bench-small-quick" in said


def test_a_search_that_is_not_done_is_to_go_on_before_it_is_compared(
    opened: storage.Storage, search: StudyRecord
) -> None:
    settle(opened, (HAND, "complete", 2.5))
    Slots(opened).open(search.name, 3)
    said = refusal(opened)
    assert "the only complete trial of bench-small-quick is the baseline's, and 2 trials are not done" in said
    assert " --trials 3 --space small --fidelity quick --name bench-small-quick" in said


@pytest.mark.parametrize("change", [("minimize", "maximize"), ('metric="score"', 'metric="other"')])
def test_a_search_for_something_else_is_not_compared(
    opened: storage.Storage, search: StudyRecord, file: Path, change: tuple[str, str]
) -> None:
    """Or the worst of its trials would race for the best, or errors of two kinds be held against one another."""
    settle(opened, ({"x": 0.1, "kind": "a"}, "complete", 2.0), ({"x": 0.2, "kind": "a"}, "complete", 1.0))
    file.write_text(DEFINITION.replace(*change))
    assert "now, and 'bench-small-quick' was to minimize score: bring the definition back" in refusal(opened)


def test_a_definition_that_changed_or_lacks_a_baseline_is_reported(
    opened: storage.Storage, search: StudyRecord, file: Path
) -> None:
    settle(opened, ({"x": 0.1, "kind": "a"}, "complete", 2.0))
    assert "has no baseline 'nobody'; it has: by-hand, other" in refusal(opened, UsageError, baseline="nobody")
    assert "has no fidelity 'huge'" in refusal(opened, UsageError, fidelity="huge")
    file.write_text(DEFINITION.replace('"x": 0.5', '"x": 0.25'))
    assert "baseline 'by-hand' of bench cannot be trained: x is a quarter" in refusal(opened)
    start, end = DEFINITION.index("    baselines="), DEFINITION.index("    infeasible=")
    file.write_text(DEFINITION[:start] + DEFINITION[end:])
    assert "bench has no baseline" in refusal(opened)
    file.write_text(DEFINITION.replace("high=1.0", "high=2.0"))
    assert "is another one than 'bench-small-quick' searched" in refusal(opened)
    file.write_text("study = 1 / 0\n")
    assert "ZeroDivisionError" in refusal(opened, DefinitionError)
    file.unlink()
    refusal(opened, UsageError)


def test_comparing_a_measurement_study_is_refused_with_its_search_named(
    opened: storage.Storage, search: StudyRecord, file: Path
) -> None:
    definition = registry.load(f"{file}:study")
    plan = measure.study(definition, f"{file}:study", kind="race", space="small", fidelity="full", parent=search.name)
    studies.create_or_resume(opened, plan)
    words = refusal(opened, study=plan.name)
    assert "is no search but the measurements of a race: compare the search it belongs to, bench-small-quick" in words
