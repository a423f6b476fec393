"""The objectives in the folder of examples: each is searched by a worker as its README says."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from asking import asked

from hpo import storage
from hpo.experiments.search_plan import plan
from hpo.experiments.search_run import leave
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


def searched(store: Storage, file: str, **options: Any) -> StudyStatus:
    wanted = asked(definition=f"{FOLDER / file}:objective", storage=store.url, workers=0, seed=3, **options)
    with closing(plan(wanted)) as planned:
        left = leave(planned)
    assert Server(store, left.study).run() == "drained"
    return study_status(store, left.study)


def test_numpy_alone_and_not_decorated(store: Storage) -> None:
    found = searched(store, "ridge.py", trials=12, directions=("minimize",))
    assert (found.study, found.failed) == ("objective", 0)
    assert found.complete
    assert found.pruned
    assert best(store, "objective").value < 0.1  # of 0.5, the variance of y


def test_keras_with_its_own_fit(store: Storage) -> None:
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


def test_several_objectives(store: Storage) -> None:
    found = searched(store, "small_and_good.py", trials=8)
    assert (found.complete, found.objectives) == (8, ("error", "features"))
    assert found.front
    assert "largest_weight" in trial(store, found.study, 0).attributes


def test_a_constraint(store: Storage) -> None:
    found = searched(store, "within_budget.py", trials=10)
    assert found.complete
    assert found.failed == 0
    for slot in Slots(store).list("within_budget"):
        params = slot.params or {}
        terms = (params["first"] + 1) * (params["second"] + 1)
        assert (slot.outcome, slot.reason) == (("complete", None) if terms <= 20 else ("pruned", f"{terms} terms"))
