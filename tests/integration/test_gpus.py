"""What the driver's tool lists, read: whole GPUs, divided ones, and drivers that are not well."""

import logging
import signal
import subprocess
from pathlib import Path

import nvidia
import pytest

from hpo.fleet import gpus

MIB, GIB = 1 << 20, 1 << 30


@pytest.fixture(autouse=True)
def _nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("NVIDIA_VISIBLE_DEVICES", raising=False)


def test_every_gpu_is_listed_in_the_drivers_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", nvidia.install(tmp_path / "bin", 4))
    found = gpus.listed()
    assert [gpu.uuid for gpu in found] == [nvidia.uuid(number) for number in range(4)]
    assert {(gpu.name, gpu.memory_bytes) for gpu in found} == {(nvidia.NAME, nvidia.MIB * MIB)}


def test_cuda_visible_devices_selects_among_the_listed_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", nvidia.install(tmp_path / "bin", 4))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", f"2,{nvidia.uuid(0)}")
    assert [gpu.uuid for gpu in gpus.listed()] == [nvidia.uuid(2), nvidia.uuid(0)]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert gpus.listed() == ()


def test_a_mig_gpu_is_listed_as_its_partitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {1: ["3g.40gb", "1g.10gb+me"], 2: []}  # the last is to be divided and is not yet
    monkeypatch.setenv("PATH", nvidia.install(tmp_path / "bin", 3, parts=parts))
    assert [(gpu.uuid, gpu.name, gpu.memory_bytes) for gpu in gpus.listed()] == [
        (nvidia.uuid(0), nvidia.NAME, nvidia.MIB * MIB),
        (nvidia.part(0), "MIG 3g.40gb", 40 * GIB),
        (nvidia.part(1), "MIG 1g.10gb+me", 10 * GIB),
    ]


def test_unreported_gpu_memory_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", nvidia.install(tmp_path / "bin", 1, memory="[N/A]"))
    assert [gpu.memory_bytes for gpu in gpus.listed()] == [None]


@pytest.mark.parametrize("code", [0, 6])
def test_a_driver_without_gpus_is_no_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setenv("PATH", nvidia.install_broken(tmp_path / "bin", "No devices were found", code))
    assert gpus.look() == gpus.Listing(gpus=())


def test_without_a_driver_there_is_no_gpu_and_no_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus.look() == gpus.Listing(gpus=())


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (
            "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
            9,
            "ends with code 9: NVIDIA-SMI has failed because",
        ),
        ("Tesla T4 and others", 0, "what is not understood: 'Tesla T4 and others'"),
        ("Failed to initialize NVML: Driver/library version mismatch", 18, "version mismatch"),
        ("", 1, "it says nothing"),
    ],
)
def test_a_broken_driver_is_reported_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    words: str,
    code: int,
    told: str,
) -> None:
    monkeypatch.setenv("PATH", nvidia.install_broken(tmp_path / "bin", words, code))
    with caplog.at_level(logging.WARNING, "hpo"):
        assert gpus.listed() == ()
    (warning,) = caplog.messages
    assert told in warning
    assert "\n" not in warning


def test_an_nvidia_smi_that_cannot_run_is_a_broken_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", nvidia.install(tmp_path / "bin"))
    (tmp_path / "bin" / "nvidia-smi").write_text("#!/no/such/shell\n")
    assert "cannot be run" in gpus.look().problem


def test_a_hanging_nvidia_smi_times_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", nvidia.install(tmp_path / "bin"))
    (tmp_path / "bin" / "nvidia-smi").write_text("#!/bin/sh\nexec sleep 600\n")
    monkeypatch.setattr(gpus, "TIMEOUT", 0.2)
    assert "did not answer" in gpus.look().problem


def test_an_unkillable_nvidia_smi_times_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", nvidia.install(tmp_path / "bin"))
    (tmp_path / "bin" / "nvidia-smi").write_text("#!/bin/sh\nexec sleep 600\n")
    monkeypatch.setattr(gpus, "TIMEOUT", 0.2)
    hanging: list[subprocess.Popen[str]] = []
    # As the kernel puts it off for such a process.
    monkeypatch.setattr(subprocess.Popen, "kill", lambda process: hanging.append(process))
    assert "did not answer" in gpus.look().problem
    (process,) = hanging
    process.send_signal(signal.SIGKILL)
    process.wait()
