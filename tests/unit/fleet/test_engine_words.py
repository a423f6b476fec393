"""What engines refuse before they are asked for anything, and how they tell time."""

import pytest

from hpo.errors import UsageError
from hpo.fleet.engines.engine_catalog import engine
from hpo.fleet.engines.fleet_engine import EngineError, WorkerJob, setup_of
from hpo.fleet.engines.kubernetes_engine import KubernetesEngine
from hpo.fleet.engines.slurm_engine import SlurmEngine, _seconds

URL = "sqlite:///x.db"


def test_an_unknown_engine_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no engine 'pbs', only local, slurm, ray, kubernetes; "):
        engine("pbs", WorkerJob(storage=URL))


def test_a_fraction_of_a_gpu_is_refused_for_slurm() -> None:
    with pytest.raises(UsageError, match=r"whole GPUs, not 0\.5 of one.*--gres=shard:1"):
        SlurmEngine(WorkerJob(storage=URL, gpus=0.5))


def test_a_machine_without_slurm_is_reported_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EngineError, match="there is no sbatch here"):
        SlurmEngine(WorkerJob(storage=URL))


def test_a_fraction_of_a_gpu_is_refused_for_kubernetes() -> None:
    with pytest.raises(UsageError, match=r"whole GPUs, not 0\.5 of one.*nvidia\.com/gpu\.shared"):
        KubernetesEngine(WorkerJob(storage=URL, gpus=0.5))


def test_a_machine_without_kubectl_is_reported_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EngineError, match="there is no kubectl here"):
        KubernetesEngine(WorkerJob(storage=URL))


@pytest.mark.parametrize(
    ("text", "seconds"), [("0:07", 7), ("12:34", 754), ("1:00:01", 3601), ("2-00:00:03", 172_803), ("INVALID", None)]
)
def test_durations_of_slurm_are_parsed(text: str, seconds: float | None) -> None:
    assert _seconds(text) == seconds


def test_an_unreadable_setup_file_is_refused(tmp_path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        setup_of(tmp_path / "none.sh")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="it is no text"):
        setup_of(tmp_path / "binary")
