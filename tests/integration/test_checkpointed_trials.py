"""Trials whose workers are killed or stopped: the next attempt goes on from the checkpoint, to the bit."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import lasting
import optuna
import pytest
from fleets import Fleet

from hpo import storage
from hpo.experiments import deleting
from hpo.experiments.search_plan import Request
from hpo.experiments.search_run import submit
from hpo.fleet.worker.checkpoint_keeper import CheckpointKeeper
from hpo.search import objective
from hpo.search.measurement import Measurement, measure
from hpo.storage import Storage, checkpoint_files, studies
from hpo.storage.slots.slots import Slots
from hpo.training import Checkpoints, Epoch, Pace, checkpoint_file
from hpo.training.probes import Probe

ALWAYS = Pace(every=0, share=1)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of all checkpoints; one is written as often as may be."""
    folder = tmp_path / "checkpoints"
    monkeypatch.setenv("HPO_CHECKPOINTS", str(folder))
    monkeypatch.setenv("HPO_CHECKPOINT_SECONDS", "0")
    return folder


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/hpo.db"


def opened(url: str, name: str, definition: str = "study", **more: object) -> None:
    """A study of one trial: the baseline's."""
    request = {"definition": f"{lasting.FILE}:{definition}", "trials": 1, "fidelity": "full", "seed": 1, **more}
    submit(Request(storage=url, name=name, pruner="none", **request))  # type: ignore[arg-type]


def until(condition: Callable[[], object], fleet: Fleet | None = None) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, fleet.said() if fleet else "it never came"
        time.sleep(0.005)


def files(root: Path) -> list[Path]:
    return sorted(root.glob("*/slot-*/training-*.npz"))


def epochs_known(root: Path) -> int:
    """In the checkpoints of all trainings together."""
    found = [checkpoint_file.read(path) for path in files(root)]
    return sum(len(each[0]["progress"]["history"]) for each in found if each is not None)


def settled(url: str, name: str) -> optuna.trial.FrozenTrial:
    """The one trial that has a result."""
    store = storage.open(url)
    try:
        (slot,) = Slots(store).list(name)
        assert slot.state == "settled", slot
        (trial,) = [
            each
            for each in optuna.load_study(study_name=name, storage=store.optuna).get_trials(deepcopy=False)
            if each.number == slot.trial_number
        ]
    finally:
        store.close()
    return trial


def same(one: optuna.trial.FrozenTrial, other: optuna.trial.FrozenTrial) -> None:
    """Value, curve, and what was seen inside the networks, to the bit."""
    assert one.value == other.value
    assert one.intermediate_values == other.intermediate_values
    for name in ("seed", "train", "epochs"):
        assert one.user_attrs[name] == other.user_attrs[name]
    looks = [[(look["epoch"], look["loss"]) for look in each.user_attrs["probes"]] for each in (one, other)]
    assert looks[0] == looks[1]


@pytest.fixture
def fleet(url: str, root: Path, tmp_path: Path) -> Iterator[Fleet]:
    """One worker. `root` is there for its environment."""
    storage.prepare(url).close()
    made = Fleet(url, "--processes", "1", "--max-attempts", "1000", folder=tmp_path)
    yield made
    made.stop()


@pytest.mark.parametrize("definition", ["study", pytest.param("folds", marks=pytest.mark.thorough)])
def test_a_repeatedly_killed_trial_ends_bit_for_bit_as_an_undisturbed_one(
    fleet: Fleet, url: str, root: Path, definition: str
) -> None:
    opened(url, "killed", definition)
    for _ in range(3):
        before = epochs_known(root)
        until(lambda: epochs_known(root) > before, fleet)  # noqa: B023 - asked now
        (worker,) = fleet.workers()
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait(30)
    until(lambda: not files(root), fleet)
    until(lambda: _done(url, "killed"), fleet)
    opened(url, "whole", definition)
    until(lambda: _done(url, "whole"), fleet)
    killed, whole = settled(url, "killed"), settled(url, "whole")
    same(killed, whole)
    assert killed.user_attrs["resumed"] > 0
    assert "resumed" not in whole.user_attrs
    until(lambda: not list(root.glob("*/slot-*")), fleet)  # they are gone with their slots


def _done(url: str, name: str) -> bool:
    store = storage.open(url)
    try:
        return all(slot.state == "settled" for slot in Slots(store).list(name))
    finally:
        store.close()


def test_a_stopped_worker_leaves_a_checkpoint(
    fleet: Fleet, url: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.stop()
    monkeypatch.setitem(fleet._env, "HPO_CHECKPOINT_SECONDS", "3600")  # none is due
    opened(url, "stopped")
    fleet.start()
    until(lambda: _reported(url, "stopped") > 2, fleet)
    assert not files(root)
    assert fleet.stop() == 0
    known = epochs_known(root)
    assert known > 2
    fleet.start()
    until(lambda: _done(url, "stopped"), fleet)
    assert settled(url, "stopped").user_attrs["resumed"] == known


def left(root: Path, store: Storage, name: str, *slots: int) -> None:
    """A file for each of these slots, as a training leaves it."""
    record = studies.get(store, name)
    for slot in slots:
        folder = checkpoint_files.slot_folder(root, record, slot)
        folder.mkdir(parents=True)
        (folder / "training-0.npz").write_bytes(b"0" * 1000)


def test_checkpoints_of_settled_slots_and_deleted_studies_are_removed(url: str, root: Path) -> None:
    opened(url, "mine", trials=3)
    store = storage.open(url)
    slots = Slots(store)
    first, second, third = slots.list("mine")
    left(root, store, "mine", first.id, second.id, third.id)
    record = studies.get(store, "mine")
    keeper = CheckpointKeeper(store, record, root=root, every=30, most=10_000)
    held = slots.claim("mine", "somebody", 60)
    assert held is not None
    assert slots.settle(held, "complete", 1.0)
    keeper.sweep()
    assert [path.parent.name for path in files(root)] == [f"slot-{second.id}", f"slot-{third.id}"]
    keeper.ended(second, "complete")
    keeper.ended(third, "interrupted")  # the next attempt will need it
    assert [path.parent.name for path in files(root)] == [f"slot-{third.id}"]
    deleting.delete(store, "mine")
    assert not list(root.iterdir())
    store.close()


def test_the_oldest_checkpoints_not_in_use_are_removed_for_space(url: str, root: Path) -> None:
    opened(url, "mine")
    store = storage.open(url)
    left(root, store, "mine", 1, 2, 3, 4)
    record = studies.get(store, "mine")
    folders = {slot: checkpoint_files.slot_folder(root, record, slot) for slot in (1, 2, 3, 4, 5)}
    now = time.time()
    for slot, hours in ((1, 0), (2, 3), (3, 2), (4, 5)):
        os.utime(folders[slot], (now - hours * 3600, now - hours * 3600))
    assert checkpoint_files.make_room(root, folders[5], 1000, most=5000)
    assert len(files(root)) == 4
    assert checkpoint_files.make_room(root, folders[5], 1000, most=3500)
    assert not folders[4].exists()
    assert not folders[2].exists()
    assert not checkpoint_files.make_room(root, folders[5], 1000, most=1500)  # slot 1 is in hand
    assert [path.parent for path in files(root)] == [folders[1]]
    assert not checkpoint_files.make_room(root, folders[1], 1000, most=1500)  # its own file is there until the new one
    store.close()


def test_an_invalid_checkpoint_setting_is_refused_before_workers_start(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.prepare(url).close()
    monkeypatch.setenv("HPO_CHECKPOINTS_SIZE", "lots")
    fleet = Fleet(url, "--processes", "1", folder=tmp_path)
    assert fleet.process.wait(120) == 2
    assert fleet.said() == "hpo: HPO_CHECKPOINTS_SIZE is 'lots': give a number of GB, at least 0\n"


def test_a_search_with_an_invalid_checkpoint_setting_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HPO_CHECKPOINT_SECONDS", "often")
    command = [sys.executable, "-m", "hpo", "optimize", "fcnn", "--trials", "1", "--workers", "0"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "hpo: HPO_CHECKPOINT_SECONDS is 'often': give a number of seconds, at least 0\n"
    assert not list(tmp_path.iterdir())


def test_epochs_from_a_checkpoint_are_reported_and_may_prune_the_trial(tmp_path: Path) -> None:
    """Those who ended meanwhile may say that it is not worth going on: then nothing is trained."""
    beats = 0

    def beat() -> None:
        nonlocal beats
        beats += 1
        if beats == broken_at:
            raise KeyboardInterrupt

    def tried(pruner: optuna.pruners.BasePruner) -> optuna.trial.FrozenTrial:
        """The usual configuration, the first of a new study: with the same seed as the one before."""
        study = optuna.create_study(direction="minimize", pruner=pruner)
        study.enqueue_trial({"rate": 1e-3})
        judged = objective(lasting.study, beat=beat, checkpoints=lambda _: Checkpoints(tmp_path, pace=ALWAYS))
        with contextlib.suppress(KeyboardInterrupt):
            study.optimize(judged, n_trials=1)
        return study.trials[0]

    broken_at = 15
    broken = tried(optuna.pruners.NopPruner())
    known = max(broken.intermediate_values)
    assert 2 < known < lasting.EPOCHS
    beats, broken_at = 0, -1
    pruned = tried(optuna.pruners.ThresholdPruner(upper=0.0))
    assert pruned.state == optuna.trial.TrialState.PRUNED
    (step,) = pruned.intermediate_values
    assert pruned.intermediate_values[step] == broken.intermediate_values[step]
    assert pruned.user_attrs["epochs"] == step
    assert known <= pruned.user_attrs["resumed"] <= known + 2  # an epoch that is made may not be reported yet
    assert beats == step  # one after each epoch that is told, none within one


def test_a_measurement_resumes_from_its_checkpoint(tmp_path: Path) -> None:
    def measured(stop: int | None, folder: Path | None) -> Measurement | None:
        def trained(epoch: Epoch) -> None:
            if epoch.number == stop:
                raise KeyboardInterrupt

        checkpoints = None if folder is None else Checkpoints(folder, pace=ALWAYS)
        looks.clear()
        with contextlib.suppress(KeyboardInterrupt):
            return measure(
                lasting.study, {"rate": 1e-3}, seed=1, on_epoch=trained, on_probe=looks.append, checkpoints=checkpoints
            )
        return None

    looks: list[Probe] = []
    whole = measured(None, None)
    seen = [look.loss for look in looks]
    assert measured(5, tmp_path) is None
    again = measured(None, tmp_path)
    assert whole is not None
    assert again is not None
    assert (again.train, again.test, again.epochs) == (whole.train, whole.test, whole.epochs)
    assert again.resumed == 5
    assert [look.loss for look in looks] == seen


def _reported(url: str, name: str) -> int:
    store = storage.open(url)
    try:
        trials = optuna.load_study(study_name=name, storage=store.optuna).get_trials(deepcopy=False)
        return max((len(trial.intermediate_values) for trial in trials), default=0)
    finally:
        store.close()
