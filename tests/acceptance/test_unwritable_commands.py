"""A database in a folder that nobody can write, such as a mounted archive: every command that only looks looks."""

from pathlib import Path

import pytest
from command import Hpo
from unwritable import read_only

from hpo import storage
from hpo.storage import studies
from hpo.storage.slots import slot_trials
from hpo.storage.slots.slots import Slots

TOY = """
from hpo.study import *

def nothing(*_):
    raise AssertionError("nothing may be trained here")

study = StudyDefinition(
    name="toy", title="Toy", data=nothing, build=nothing, metric="score", score=nothing, direction="maximize",
    spaces=(Space(name="line", params={"x": Float(low=0.0, high=1.0)}),), evaluation=Holdout(rows=1),
    fidelities=(Fidelity(name="quick", epochs=9),),
)
"""


@pytest.fixture
def archive(folder: Path) -> Path:
    """A database with a study of two trials, one of them complete."""
    (folder / "toy.py").write_text(TOY)
    opened = storage.prepare(f"sqlite:///{folder}/hpo.db")
    plan = studies.StudyPlan(
        name="toy-line-quick", reference=f"{folder}/toy.py:study", definition="toy", space="line", fingerprint="f",
        fidelity="quick", direction="maximize", metric="score", seed=1, sampler="random", pruner="none",
    )  # fmt: skip
    studies.create_or_resume(opened, plan)
    slots = Slots(opened)
    slots.open(plan.name, 2, first=[{"x": 0.25}])
    slot = slots.claim(plan.name, "w1", 60)
    assert slot is not None
    trial = slot_trials.create(opened, studies.load(opened, plan.name), slot)
    params = {"x": trial.suggest_float("x", 0.0, 1.0)}
    assert slots.settle(slot, "complete", 0.625, params=params, trial_number=trial.number)
    assert slot_trials.tell(opened, trial._trial_id, "complete", 0.625)
    opened.close()
    return folder / "hpo.db"


@pytest.mark.thorough
def test_reading_commands_work_on_an_unwritable_database_and_change_nothing(hpo: Hpo, archive: Path) -> None:
    place = archive.parent / "archive"
    place.mkdir()
    there = {"HPO_STORAGE": f"sqlite:///{place.name}/hpo.db"}
    with read_only(place, archive):
        for command, told in (
            (("status",), "toy-line-quick"),
            (("status", "toy", "--json"), '"settled": 1'),
            (("best", "toy"), "score 0.625"),
            (("trial", "toy", "0"), "complete, value 0.625"),
            (("export", "toy", "-o", "-"), "0.625"),
            (("importance", "toy"), "1 trial has a value that compares"),
            (("report", "toy", "-o", "toy.md"), ""),
            (("db", "check"), "the latest"),
        ):
            done = hpo(*command, **there)
            assert done.code == 0, done.err
            assert told in done.out
        assert "0.625" in (archive.parent / "toy.md").read_text()
        for command in (("stop", "toy"), ("delete", "toy", "--yes"), ("submit", "toy", "--trials", "9"), ("worker",)):
            done = hpo(*command, **there)
            assert done.code == 1
            assert done.out == ""
            assert done.err.startswith(f"hpo: storage sqlite:///{place.name}/hpo.db: it cannot be written: ")
            assert done.err.count("\n") == 1
        assert [path.name for path in place.iterdir()] == ["hpo.db"]
