"""The objectives in the folder of examples: each is searched by a worker as its README says."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from asking import asked

from hpo import storage
from hpo.experiments import trial_records
from hpo.experiments.search_plan import plan
from hpo.experiments.search_run import leave
from hpo.experiments.trial_records import ExportedTrial
from hpo.fleet.worker.work_loop import Server
from hpo.storage import Storage
from hpo.storage.queries.status import StudyStatus, study_status
from hpo.storage.queries.study_results import best, trial
from hpo.storage.slots.slots import Slots

FOLDER = Path(__file__).parents[2] / "examples"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Storage]:
    with closing(storage.prepare(f"sqlite:///{tmp_path / 'hpo.db'}")) as opened:
        yield opened


def searched(store: Storage, file: str, name: str = "objective", **options: Any) -> StudyStatus:
    wanted = asked(definition=f"{FOLDER / file}:{name}", storage=store.url, workers=0, seed=3, **options)
    with closing(plan(wanted)) as planned:
        left = leave(planned)
    assert Server(store, left.study).run() == "drained"
    return study_status(store, left.study)


def trials(store: Storage, study: str) -> list[ExportedTrial]:
    return trial_records.read(store, study)[1]


@pytest.mark.thorough
def test_the_undecorated_numpy_example_is_searched(store: Storage) -> None:
    found = searched(store, "ridge.py", trials=12, directions=("minimize",))
    assert (found.study, found.failed) == ("objective", 0)
    assert found.complete
    assert found.pruned
    assert best(store, "objective").value < 0.1  # of 0.5, the variance of y


@pytest.mark.thorough
def test_the_keras_fit_example_is_searched_and_repeats_use_other_seeds(store: Storage) -> None:
    found = searched(store, "keras_fit.py", trials=2)
    assert (found.study, found.metric, found.failed) == ("keras_fit", "accuracy", 0)
    first, again = (slot for slot in Slots(store).list("keras_fit") if slot.position == 0)
    assert dict(first.params or {}) == {"units": 16, "layers": 1, "rate": 1e-2}
    assert first.trial_number is not None
    assert again.trial_number is not None
    found_first, found_again = (trial(store, "keras_fit", one.trial_number or 0) for one in (first, again))
    assert found_first.seed != found_again.seed
    assert len(found_first.curve) == 8
    assert found_first.curve != found_again.curve


@pytest.mark.thorough
def test_the_pytorch_example_is_searched_and_its_best_repeated(store: Storage) -> None:
    pytest.importorskip("torch", reason="needs PyTorch: pip install torch")
    found = searched(store, "pytorch.py", trials=3)
    assert (found.study, found.metric, found.failed, found.settled) == ("pytorch", "accuracy", 0, 6)
    by_hand = [slot for slot in Slots(store).list("pytorch") if dict(slot.params or {}).get("rate") == 3e-2]
    assert [slot.rung for slot in by_hand] == [0, 1]  # tried first, and again with another seed
    assert max(trial.value or 0.0 for trial in trials(store, "pytorch")) > 0.7  # two of three points are of one kind


@pytest.mark.thorough
def test_the_scikit_learn_example_searches_conditional_parameters(store: Storage) -> None:
    found = searched(store, "scikit_learn.py", trials=6, directions=("maximize",))
    assert (found.complete, found.failed) == (6, 0)
    kinds = {("C" in each.params, "max_depth" in each.params) for each in trials(store, found.study)}
    assert kinds == {(True, False), (False, True)}  # each kind has its own parameter
    assert best(store, found.study).value > 0.9


@pytest.mark.thorough
def test_the_lightgbm_example_reports_and_prunes(store: Storage) -> None:
    found = searched(store, "lightgbm_trees.py", trials=12, directions=("minimize",))
    assert (found.failed, found.settled) == (0, 12)
    assert found.pruned
    assert best(store, found.study).value < 0.4  # of 0.69, the loss of a guess
    complete = next(each for each in trials(store, found.study) if each.state == "complete")
    assert [step for step, _ in complete.curve] == [9, 19, 29, 39, 49, 59]


@pytest.mark.thorough
def test_the_flax_example_is_searched(store: Storage) -> None:
    found = searched(store, "flax_network.py", trials=3)
    assert (found.study, found.metric, found.failed, found.settled) == ("flax", "error", 0, 6)
    assert best(store, "flax").value < 0.3  # of 0.5, the variance of y


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:the data are streamed")
def test_the_image_folder_example_is_searched_on_two_fidelities(store: Storage) -> None:
    found = searched(store, "image_folder.py", "study", trials=2)
    slots = Slots(store).list(found.study)
    assert (found.failed, found.metric) == (0, "accuracy")
    assert {slot.rung for slot in slots} >= {0, 1}  # four batches an epoch, then all of them
    first, again = (slot for slot in slots if slot.position == 0 and slot.rung < 2)
    assert dict(first.params or {}) == dict(again.params or {}) == {"filters": 8, "rate": 1e-2}
    assert best(store, found.study).value > 0.7
    assert [step for step, _ in trial(store, found.study, again.trial_number or 0).curve] == list(range(1, 13))


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:the data are streamed")
def test_the_varying_length_sequences_example_is_searched(store: Storage) -> None:
    found = searched(store, "sequences.py", "study", trials=2)
    assert (found.failed, found.settled) == (0, found.target)
    assert best(store, found.study).value > 0.6


@pytest.mark.thorough
def test_the_unbalanced_frame_example_is_searched_by_auc(store: Storage) -> None:
    found = searched(store, "unbalanced.py", "study", trials=2)
    assert (found.metric, found.failed) == ("AUC", 0)
    by_hand, *_ = (slot for slot in Slots(store).list(found.study) if slot.position == 0)
    assert dict(by_hand.params or {}) == {"units": 16, "rate": 1e-2, "balanced": False}
    assert best(store, found.study).value > 0.7  # of 0.5, that of a guess


def test_the_two_objectives_example_has_a_front(store: Storage) -> None:
    found = searched(store, "small_and_good.py", trials=8)
    assert (found.complete, found.objectives) == (8, ("error", "features"))
    assert found.front
    assert "largest_weight" in trial(store, found.study, 0).attributes


def test_the_constraint_example_prunes_infeasible_trials(store: Storage) -> None:
    found = searched(store, "within_budget.py", trials=10)
    assert found.complete
    assert found.failed == 0
    for slot in Slots(store).list("within_budget"):
        params = slot.params or {}
        terms = (params["first"] + 1) * (params["second"] + 1)
        assert (slot.outcome, slot.reason) == (("complete", None) if terms <= 20 else ("pruned", f"{terms} terms"))


@pytest.mark.thorough
def test_the_example_notebook_runs(tmp_path: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(FOLDER / "notebook.ipynb", as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [
        {kind: text for output in cell.outputs for kind, text in output.get("data", {}).items()}
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    assert shown[1]["text/plain"].startswith("Best(number=")
    assert "params_x" in shown[2]["text/html"]  # the table
    assert all("application/vnd.plotly.v1+json" in each for each in shown[3:5])
    assert shown[5]["text/plain"].startswith("(8, ")
    assert (tmp_path / "notebook.html").stat().st_size > 10_000
