"""What a report page tells, gathered from real databases; results are written as a worker writes them, untrained."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from hpo import storage
from hpo.analysis import RaceFinding, Racer, compare
from hpo.errors import StudyError
from hpo.experiments import measure
from hpo.experiments.compare import interim_analyses
from hpo.experiments.compare.budget import Budget, Spent
from hpo.experiments.compare.comparison_report import CompareReport, Heat, Scores, Side
from hpo.experiments.findings import Findings
from hpo.experiments.findings.gathering import gather, points
from hpo.experiments.sweep.sweep_jobs import as_reported
from hpo.report import document
from hpo.search import Job
from hpo.storage import Storage, studies
from hpo.storage.slots import slot_trials
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyRecord
from hpo.study import StudyDefinition, registry

DEFINITION = """
from decimal import Decimal
import numpy as np
from hpo.data import Dataset, Rows
from hpo.study import *

def data():
    x = np.arange(120, dtype=np.float32).reshape(30, 4)
    y = np.eye(3, dtype=np.float32)[np.arange(30) % 3]
    return Dataset(name="squares", development=Rows(x=x[:24], y=y[:24]), test=Rows(x=x[24:], y=y[24:]),
                   feature_names=("a", "b", "c", "d"), label_names=("red", "green", "blue"))

def nothing(*_):
    raise AssertionError("nothing is trained here")

hand = {"x": 0.5, "kind": "a"}
study = StudyDefinition(
    name="bench", title="Bench", data=data, build=nothing, metric="accuracy", direction="maximize",
    spaces=(Space(name="small", params={"x": Float(low=0.0, high=1.0), "kind": Categorical(choices=("a", "b"))}),),
    evaluation=Holdout(rows=6),
    fidelities=(Fidelity(name="quick", epochs=3), Fidelity(name="full", epochs=9)),
    baselines=(Baseline(name="by-hand", title="A guess", params=hand),),
    sweeps=(Sweep(id="kind", title="Kind", base=hand, chosen=0, rows=(
        Row(setting={"kind": "a"}, reported={"test": Decimal("0.9")}),
        Row(setting={"kind": "b"}, reported={"test": Decimal("0.8")}))),),
)
"""
NAME = "bench-small-quick"
HAND: dict[str, Any] = {"x": 0.5, "kind": "a"}
BEST: dict[str, Any] = {"x": 0.25, "kind": "b"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "bench.py"
    made.write_text(DEFINITION)
    return made


@pytest.fixture
def definition(file: Path) -> StudyDefinition:
    return registry.load(f"{file}:study")


@pytest.fixture
def search(store: Storage, file: Path, definition: StudyDefinition) -> StudyRecord:
    return studies.create_or_resume(
        store,
        studies.StudyPlan(
            name=NAME, reference=f"{file}:study", definition="bench", space="small", seed=7, sampler="random",
            fingerprint=definition.space().fingerprint, fidelity="quick", direction="maximize", metric="accuracy",
            pruner="none",
        ),
    )  # fmt: skip


def settle(
    opened: Storage, study: str, params: Mapping[str, Any], outcome: str, value: float | None, **noted: Any
) -> None:
    """Do the next slot of a study as a worker would, without training."""
    slots = Slots(opened)
    slot = slots.claim(study, "me", 60)
    assert slot is not None
    loaded = studies.load(opened, study, sampler=optuna.samplers.RandomSampler(), pruner=optuna.pruners.NopPruner())
    trial = slot_trials.create(opened, loaded, slot)
    trial.suggest_float("x", 0.0, 1.0) if "x" in params else None
    trial.suggest_categorical("kind", ("a", "b")) if "kind" in params else None
    for step, seen in noted.pop("curve", ()):
        trial.report(seen, step)
    for name, entry in noted.items():
        trial.set_user_attr(name, entry)
    reason = None if outcome == "complete" else "no luck"
    assert slots.settle(slot, outcome, value, reason=reason, params=params, trial_number=trial.number)  # type: ignore[arg-type]
    assert slot_trials.tell(opened, trial._trial_id, outcome, value)  # type: ignore[arg-type]


def missing(found: Findings) -> dict[str, str | None]:
    return {one.part: one.command for one in found.missing}


def measured(
    opened: Storage, search: StudyRecord, definition: StudyDefinition, kind: str, fidelity: str, *jobs: tuple[Job, dict]
) -> None:
    plan = measure.study(definition, search.reference, kind=kind, space="small", fidelity=fidelity, parent=search.name)  # type: ignore[arg-type]
    studies.create_or_resume(opened, plan)
    Slots(opened).add(plan.name, [job for job, _ in jobs])
    for job, noted in jobs:
        settle(opened, plan.name, job.params, "complete", 0.5, **noted)


def compared(opened: Storage, search: StudyRecord) -> CompareReport:
    """A comparison of BEST with HAND that a look has written down."""
    ours, theirs = (0.9, 0.91, 0.92, 0.9, 0.93, 0.94), (0.8, 0.82, 0.81, 0.83, 0.8, 0.8)
    winner = Racer(name="trial 1", number=1, search_value=0.95, scores=(0.9,))
    order = (winner, Racer(name="by-hand", number=None, search_value=0.8, scores=(0.8,)))
    finding = RaceFinding(order=order, winner=winner, optimism=0.05, optimism_ci95=None, tau=None, first_share=None)
    look = interim_analyses.take(
        opened, search, rows="share", baseline="by-hand", fidelity="full", optimum="0" * 64, pairs=len(ours)
    )
    verdict = compare(ours, theirs, direction="maximize", alpha=look.alpha)
    report = CompareReport(
        study=search.name, definition="bench", space="small", metric="accuracy", unit="", direction="maximize",
        search_fidelity="quick", fidelity="full",
        baseline=Side(name="by-hand", number=0, params=HAND, value=0.8),
        optimum=Side(name="trial 1", number=1, params=BEST, value=0.95),
        heats=(Heat(fidelity="quick", rounds=1, finding=finding),), rows="share", comparison=verdict,
        scores=Scores(optimum=ours, baseline=theirs), resampled=None, resampled_scores=None, interim_analyses=(look,),
        budget=Budget(search=Spent(trials=2, epochs=6, seconds=1.0), hand=None, trials_to_pass=2), claimed=None,
    )  # fmt: skip
    interim_analyses.conclude(opened, search, look, verdict, report.to_json())
    return report


def test_findings_of_an_empty_study_suggest_the_first_command(store: Storage, search: StudyRecord, file: Path) -> None:
    found = gather(store, "bench")
    assert (found.trials, found.comparison, found.sweeps, found.importances) == ((), None, None, None)
    commands = missing(found)
    assert commands["search"] is not None
    assert commands["search"].startswith(f"hpo optimize {file}:study --trials 50 --space small --fidelity quick")
    assert commands["comparison"] is None  # there is nothing to compare yet
    assert commands["sweeps"] == f"hpo sweep {file}:study --repeats 3"
    assert found.provenance.commands[-1] == f"hpo report {NAME} -o bench.html"


@pytest.mark.parametrize("outcome", ["pruned", "failed"])
def test_findings_report_a_study_without_a_complete_trial(store: Storage, search: StudyRecord, outcome: str) -> None:
    Slots(store).open(NAME, 2)
    for x in (0.1, 0.2):
        settle(store, NAME, {"x": x, "kind": "a"}, outcome, 0.3 if outcome == "pruned" else None)
    found = gather(store, NAME)
    assert [trial.state for trial in found.trials] == [outcome] * 2
    assert found.trials[0].reason == "no luck"
    why = {one.part: one.why for one in found.missing}
    counts = "2 pruned, 0 failed" if outcome == "pruned" else "0 pruned, 2 failed"
    assert counts in why["search"]
    assert missing(found)["search"] is not None
    assert "--trials 4" in str(missing(found)["search"])
    assert why["comparison"] == "there is no complete trial to compare"


def test_findings_suggest_a_comparison_for_a_single_complete_trial(store: Storage, search: StudyRecord) -> None:
    Slots(store).open(NAME, 1)
    settle(store, NAME, BEST, "complete", 0.8)
    found = gather(store, NAME)
    assert [(trial.number, trial.state, trial.value, trial.params) for trial in found.trials] == [
        (0, "complete", 0.8, BEST)
    ]
    assert "search" not in missing(found)
    assert missing(found)["comparison"] == f"hpo compare {NAME}"
    assert found.trials[0].seconds is not None


def test_the_baseline_alone_needs_more_trials_before_a_comparison(store: Storage, search: StudyRecord) -> None:
    Slots(store).open(NAME, 1)
    settle(store, NAME, HAND, "complete", 0.8)
    found = gather(store, NAME)
    assert str(missing(found)["comparison"]).startswith("hpo optimize ")
    assert "--trials 2 " in str(missing(found)["comparison"])
    assert document(found).verdict.sentence.startswith(
        "The only complete trial is the hand-picked configuration’s own, with a validation accuracy of 0.8000."
    )


def test_trials_come_in_the_order_they_settled(store: Storage, search: StudyRecord) -> None:
    slots = Slots(store)
    slots.open(NAME, 4)
    first, second, third = (slots.claim(NAME, worker, 60) for worker in "abc")
    assert first is not None
    assert second is not None
    slots.settle(second, "complete", 0.5, params=HAND, trial_number=1)
    slots.settle(first, "complete", 0.6, params=BEST, trial_number=0)
    assert [(one.number, one.state, one.worker) for one in points(slots.list(NAME))] == [
        (1, "complete", "b"),
        (0, "complete", "a"),
        (None, "running", "c"),  # the fourth slot is nobody's trial yet
    ]
    assert third is not None


def test_findings_have_curves_and_predictions_of_both_sides(
    store: Storage, search: StudyRecord, definition: StudyDefinition
) -> None:
    Slots(store).open(NAME, 2)
    settle(store, NAME, HAND, "complete", 0.8)
    settle(store, NAME, BEST, "complete", 0.95)
    longer = [(1, 0.4), (2, 0.8), (3, 1.0)]
    race = [
        (Job(rows="validation", params=BEST, seed=1), {"curve": [(1, 0.2), (2, 0.4)], "train_curve": [[1, 0.5]]}),
        (Job(rows="validation", params=BEST, seed=2), {"curve": longer, "train_curve": [[1, 0.7]]}),
        (Job(rows="validation", params=HAND, seed=1), {"curve": [(1, 0.1)]}),
        (Job(rows="validation", params={"x": 0.9, "kind": "a"}, seed=1), {"curve": [(1, 0.99)]}),
    ]  # fmt: skip
    measured(store, search, definition, "race", "quick", *race)
    said = {"labels": [0, 1, 2, 0, 1, 1]}
    other = {"labels": [1, 1, 1, 1, 1, 1]}
    pairs = [
        (Job(rows="share", params=BEST, seed=1, keep=True), {"predictions": said}),
        (Job(rows="share", params=HAND, seed=1, keep=True), {"predictions": other}),
        (Job(rows="share", params=BEST, seed=2), {}),
    ]
    measured(store, search, definition, "pairs", "full", *pairs)
    report = compared(store, search)
    found = gather(store, NAME)
    assert found.comparison == report
    assert found.curves is not None
    assert found.curves.optimum is not None
    assert found.curves.baseline is not None
    assert found.curves.optimum.validation == ((1, pytest.approx(0.3)), (2, pytest.approx(0.6)))
    assert found.curves.optimum.train == ((1, pytest.approx(0.6)),)
    assert found.curves.baseline.validation == ((1, 0.1),)
    predictions = found.predictions
    assert predictions is not None
    assert (predictions.kind, predictions.label_names) == ("labels", ("red", "green", "blue"))
    assert predictions.truth.tolist() == [0, 1, 2, 0, 1, 2]
    assert predictions.optimum is not None
    assert predictions.baseline is not None
    assert predictions.optimum.tolist() == said["labels"]
    assert predictions.baseline.tolist() == other["labels"]
    assert predictions.x.shape == (6, 4)
    assert set(missing(found)) == {"sweeps", "greedy", "importances"}
    usual = f"hpo compare {NAME} --pairs 6 --fidelity full --baseline by-hand --candidates 1 --rounds 1"
    assert usual in found.provenance.commands


def test_the_commands_repeat_each_interim_analysis_and_each_unusual_option(
    store: Storage, search: StudyRecord, definition: StudyDefinition, file: Path
) -> None:
    file.write_text(
        DEFINITION.replace("Holdout(rows=6)", "KFold(folds=2)").replace("direction=", "margin=0.05, direction=")
    )
    report = compared(store, search)
    again = interim_analyses.take(
        store, search, rows="share", baseline="by-hand", fidelity="full", optimum="0" * 64, pairs=8
    )
    more = replace(report.comparison, pairs=8, alpha=again.alpha, margin=0.02)
    interim_analyses.conclude(
        store,
        search,
        again,
        more,
        replace(report, comparison=more, interim_analyses=(*report.interim_analyses, again)).to_json(),
    )
    plan = measure.study(definition, f"{file}:study", kind="sweep", space="small", fidelity="full", seed=9)
    studies.create_or_resume(store, plan)
    jobs = as_reported(definition, HAND, 1, 9)
    Slots(store).add(plan.name, jobs)
    settle(store, plan.name, HAND, "complete", 0.5)
    how = "--fidelity full --baseline by-hand --no-resample --candidates 1 --rounds 1 --margin 0.02"
    assert gather(store, NAME).provenance.commands[1:-1] == (
        f"hpo sweep {file}:study --repeats 1 --fidelity full --seed 9",
        f"hpo compare {NAME} --pairs 6 {how}",
        f"hpo compare {NAME} --pairs 8 {how}",
    )


def test_predictions_of_other_test_rows_are_not_shown(
    store: Storage, search: StudyRecord, definition: StudyDefinition
) -> None:
    kept = (Job(rows="share", params=BEST, seed=1, keep=True), {"predictions": {"labels": [0, 1, 2]}})
    measured(store, search, definition, "pairs", "full", kept)
    compared(store, search)
    found = gather(store, NAME)
    assert found.predictions is None
    assert missing(found)["predictions"] == f"hpo compare {NAME}"


def test_data_checksums_change_with_the_rows(store: Storage, search: StudyRecord, file: Path) -> None:
    before = gather(store, NAME).provenance.data
    file.write_text(DEFINITION.replace("np.arange(30) % 3]", "np.arange(1, 31) % 3]"))
    after = gather(store, NAME).provenance.data
    assert list(before) == list(after) == ["squares, development rows", "squares, test rows"]
    assert all("24 rows" in said or "6 rows" in said for said in before.values())
    assert all(before[part] != after[part] for part in before)
    assert gather(store, NAME).provenance.data == after


def test_findings_without_a_loadable_definition_keep_the_rest(store: Storage, search: StudyRecord, file: Path) -> None:
    Slots(store).open(NAME, 1)
    settle(store, NAME, HAND, "complete", 0.8)
    file.unlink()
    found = gather(store, NAME)
    assert found.definition is None
    assert found.status.best is not None
    assert "there is no file" in next(one.why for one in found.missing if one.part == "definition")


def test_findings_name_data_that_cannot_be_loaded(store: Storage, search: StudyRecord, file: Path) -> None:
    file.write_text(
        DEFINITION.replace("x = np.arange(120", "raise OSError('the disk is\\nupside down')\n    x = np.arange(120")
    )
    found = gather(store, NAME)
    why = next(one.why for one in found.missing if one.part == "data")
    assert why == "OSError: the disk is upside down"
    assert found.provenance.data == {}


def test_findings_without_baseline_or_tables_suggest_no_such_command(
    store: Storage, search: StudyRecord, file: Path
) -> None:
    Slots(store).open(NAME, 1)
    settle(store, NAME, HAND, "complete", 0.8)
    text = DEFINITION.replace("    baselines=", "    # baselines=")
    file.write_text(text[: text.index("    sweeps=")] + ")\n")
    found = gather(store, NAME)
    assert missing(found)["comparison"] is None
    assert missing(found)["sweeps"] is None
    assert "greedy" not in missing(found)


def test_findings_of_a_measurement_study_are_refused(
    store: Storage, search: StudyRecord, definition: StudyDefinition
) -> None:
    job = (Job(rows="validation", params=BEST, seed=1), {})
    measured(store, search, definition, "race", "quick", job)
    with pytest.raises(
        StudyError, match=f"is a race and no search: report on the search it measures: hpo report {NAME}"
    ):
        gather(store, f"{NAME}-race-quick")


def test_findings_are_gathered_without_tensorflow(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/hpo.db"
    opened = storage.prepare(url)
    studies.create_or_resume(
        opened,
        studies.StudyPlan(
            name="fcnn-wide-full", reference="fcnn", definition="fcnn", space="wide",
            fingerprint=registry.load("fcnn").space("wide").fingerprint, fidelity="full", direction="minimize",
            metric="mae", seed=1, sampler="random", pruner="none",
        ),
    )  # fmt: skip
    opened.close()
    code = (
        "import sys; from hpo import storage; from hpo.experiments.findings.gathering import gather;"
        f"found = gather(storage.open({url!r}), 'fcnn'); assert len(found.provenance.data) == 2;"
        "print(sorted({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_mean_curves_cover_only_common_steps() -> None:
    from hpo.experiments.findings.learned import mean_curve

    assert mean_curve([]) == ()
    assert mean_curve([((1, 1.0), (3, 2.0)), ((3, 4.0), (4, 5.0))]) == ((3, 3.0),)
    assert np.isclose(mean_curve([((1, 0.5),)])[0][1], 0.5)
