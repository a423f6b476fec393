"""`hpo fleet` with a real Slurm: an array serves a search, whatever becomes of its jobs. Run by `make slurm-test`."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import lasting
import optuna
import pytest
import toy
from slurm_cluster import MISSING, SlurmCluster

from hpo import storage
from hpo.storage import Storage
from hpo.storage.slots.slots import Slots

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(MISSING is not None, reason=f"{MISSING} is missing: apt-get install slurm-wlm"),
    pytest.mark.skipif(os.geteuid() != 0, reason="slurmctld and slurmd run as root here"),
]
Hpo = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    cluster = SlurmCluster(tmp_path_factory.mktemp("slurm"))
    yield cluster
    cluster.close()


@pytest.fixture
def hpo(slurm: SlurmCluster, tmp_path: Path) -> Iterator[Hpo]:
    """Run a command of hpo with trials of so many seconds; the fleet is ended after the test."""

    def run(*words: str, seconds: float = 0.3) -> "subprocess.CompletedProcess[str]":
        own = {"HPO_STORAGE": f"sqlite:///{tmp_path}/hpo.db", "HPO_CHECKPOINTS": f"{tmp_path}/checkpoints"}
        environment = {**slurm.environment, **own, "TOY_SECONDS": str(seconds)}
        command = [sys.executable, "-m", "hpo", *words]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=900)

    yield run
    run("fleet", "down", "slurm")
    slurm.until(lambda: not slurm.jobs())


def submitted(hpo: Hpo, tmp_path: Path, trials: int) -> Storage:
    """A study of the toy's naps with so many slots."""
    done = hpo("submit", f"{toy.FILE}:nap", "--name", "naps", "--direction", "maximize", "--trials", str(trials))
    assert done.returncode == 0, done.stderr
    return storage.open(f"sqlite:///{tmp_path}/hpo.db")


def up(hpo: Hpo, *more: str, seconds: float = 0.3) -> str:
    done = hpo("fleet", "up", "slurm", "--max-workers", "2", "--idle", "2s", "--every", "1s", *more, seconds=seconds)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def sound(opened: Storage, trials: int) -> None:
    """Exactly so many are settled, each by its first attempt that counts."""
    assert toy.unsound(opened.url, "naps", trials=trials) == []
    assert [slot.tries for slot in Slots(opened).list("naps")] == [1] * trials


def given_back(opened: Storage) -> int:
    return sum(slot.releases for slot in Slots(opened).list("naps"))


def in_hand(opened: Storage) -> int:
    return Slots(opened).counts("naps").running


def test_a_slurm_array_serves_a_search(hpo: Hpo, slurm: SlurmCluster, tmp_path: Path) -> None:
    opened = submitted(hpo, tmp_path, 12)
    said = up(hpo, "--drain", "--walltime", "10m", "--", f"--output={tmp_path}/%a.log", "--comment=mine")
    assert "workers wanted: 2, there: 0; 2 started" in said
    assert "no worker is left" in said
    assert not slurm.jobs()
    sound(opened, 12)
    assert given_back(opened) == 0


def test_scaling_once_starts_no_more_jobs_than_trials(hpo: Hpo, slurm: SlurmCluster, tmp_path: Path) -> None:
    opened = submitted(hpo, tmp_path, 1)
    (tmp_path / "setup.sh").write_text("touch was-here\n")
    up(hpo, "--once", "--setup", "setup.sh")
    up(hpo, "--once")  # there is one already
    slurm.until(lambda: not slurm.jobs())
    assert (tmp_path / "was-here").exists()
    assert len(list(tmp_path.glob("slurm-*.out"))) == 1
    sound(opened, 1)


def test_trials_of_cancelled_jobs_are_released(hpo: Hpo, slurm: SlurmCluster, tmp_path: Path) -> None:
    opened = submitted(hpo, tmp_path, 4)
    up(hpo, "--once", seconds=600)
    slurm.until(lambda: in_hand(opened) == 2)
    status = hpo("fleet", "status", "slurm").stdout
    assert status.count("running") == 2
    assert "2 trials to take, 2 in hand" in status
    assert "ended 2 workers" in hpo("fleet", "down", "slurm").stdout
    slurm.until(lambda: not slurm.jobs())
    assert (in_hand(opened), given_back(opened)) == (0, 2)
    up(hpo, "--drain")
    sound(opened, 4)


def test_trials_of_preempted_jobs_are_released(hpo: Hpo, slurm: SlurmCluster, tmp_path: Path) -> None:
    opened = submitted(hpo, tmp_path, 4)
    up(hpo, "--once", seconds=5)
    slurm.until(lambda: in_hand(opened) == 2)
    slurm.run("sbatch", "--partition=high", "--exclusive", "--wrap=sleep 2", f"--output={os.devnull}")
    slurm.until(lambda: given_back(opened) == 2)
    up(hpo, "--drain")
    sound(opened, 4)


def test_a_trial_longer_than_the_walltime_is_released(hpo: Hpo, slurm: SlurmCluster, tmp_path: Path) -> None:
    opened = submitted(hpo, tmp_path, 2)
    up(hpo, "--once", "--walltime", "60s", seconds=600)
    slurm.until(lambda: given_back(opened) == 2)
    slurm.until(lambda: not slurm.jobs())
    up(hpo, "--drain")
    sound(opened, 2)


@pytest.mark.timeout(1000)
def test_a_trial_longer_than_the_walltime_trains_each_epoch_once(hpo: Hpo, tmp_path: Path) -> None:
    """Each job goes on from the checkpoint that the one before left on its way out."""
    words = ("--name", "long", "--trials", "1", "--fidelity", "full")
    done = hpo("submit", f"{lasting.FILE}:long", *words)
    assert done.returncode == 0, done.stderr
    up(hpo, "--drain", "--walltime", "60s")
    opened = storage.open(f"sqlite:///{tmp_path}/hpo.db")
    (slot,) = Slots(opened).list("long")
    assert (slot.outcome, slot.tries) == ("complete", 1)
    assert slot.releases > 0
    *broken, ended = optuna.load_study(study_name="long", storage=opened.optuna).get_trials(deepcopy=False)
    reached = [max(trial.intermediate_values) for trial in broken]
    assert reached == sorted(reached)
    assert ended.user_attrs["resumed"] >= reached[-1]  # what was reported is not trained again
    assert ended.user_attrs["epochs"] == 20 * lasting.EPOCHS
    assert not list((tmp_path / "checkpoints").glob("*/slot-*"))


def test_pending_jobs_on_a_drained_node_end_with_their_study(hpo: Hpo, slurm: SlurmCluster, tmp_path: Path) -> None:
    opened = submitted(hpo, tmp_path, 3)
    slurm.run("scontrol", "update", f"nodename={slurm.host}", "state=drain", "reason=test")
    try:
        up(hpo, "--once")
        assert "pending" in hpo("fleet", "status", "slurm").stdout
        hpo("stop", "naps")
        up(hpo, "--once")  # nothing is to be taken any more, so nothing waits for a place
        slurm.until(lambda: not slurm.jobs())
        hpo("resume", "naps")
        up(hpo, "--once")
    finally:
        slurm.run("scontrol", "update", f"nodename={slurm.host}", "state=resume")
    up(hpo, "--drain")
    sound(opened, 3)
