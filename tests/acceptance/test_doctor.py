"""`hpo doctor`: each line ok, warn or fail, with a remedy where it is not ok."""

import json
import os
import shutil
from pathlib import Path

import pytest

from hpo import storage


def checks(out: str) -> dict[str, dict[str, str]]:
    return {check["name"]: check for check in json.loads(out)["checks"]}


def test_doctor_reports_a_sound_machine_as_ok(hpo, folder: Path) -> None:
    storage.prepare(f"sqlite:///{folder}/hpo.db").close()
    before = (folder / "hpo.db").read_bytes()
    done = hpo("doctor", "--json")
    found = checks(done.out)
    assert (done.code, done.err, json.loads(done.out)["ok"]) == (0, "", True)
    assert {"python", "packages", "machine", "disk", "storage", "boston-housing", "tensorflow"} <= set(found)
    assert "0 studies" in found["storage"]["found"]
    assert found["tensorflow"]["found"].startswith("tensorflow 2.")
    assert (folder / "hpo.db").read_bytes() == before


def test_failed_checks_name_the_remedy_and_hide_the_password(hpo, folder: Path, broken: str) -> None:
    sets = folder / "sets"
    sets.mkdir()
    (sets / "train-images-idx3-ubyte.gz").write_bytes(b"not this")
    done = hpo(
        "doctor",
        PYTHONPATH=broken,
        HPO_STORAGE="postgresql://me:s3cret@localhost:1/db",
        HPO_DATA_DIR=str(sets),
    )
    assert done.code == 1
    assert "s3cret" not in done.out + done.err
    assert "Traceback" not in done.out + done.err
    lines = done.out.splitlines()
    for name, words in (("storage", "no server answers"), ("tensorflow", "libcudart is missing")):
        (number,) = [i for i, line in enumerate(lines) if line.startswith(f"fail  {name}")]
        assert words in lines[number]
        assert lines[number + 1].strip().startswith("→ ")
    (warned,) = [line for line in lines if "fashion-mnist" in line and line.startswith("warn")]
    assert "train-images-idx3-ubyte.gz is damaged" in warned


def test_doctor_does_not_create_a_missing_database(hpo, folder: Path, broken: str) -> None:
    found = checks(hpo("doctor", "--json", "--storage", "sqlite:///new.db", PYTHONPATH=broken).out)
    assert found["storage"]["state"] == "ok"
    assert "not there yet" in found["storage"]["found"]
    assert not (folder / "new.db").exists()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="TensorFlow may see the GPUs that are here")
def test_gpus_invisible_to_tensorflow_are_reported(hpo, folder: Path) -> None:
    tool = folder / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho 'GPU-0, Tesla T4, 15360, [N/A]'\n")
    tool.chmod(0o755)
    path = f"{tool.parent}{os.pathsep}{os.environ['PATH']}"
    found = checks(hpo("doctor", "--json", "--storage", "sqlite:///none/new.db", PATH=path).out)
    assert found["storage"]["state"] == "fail"
    assert found["tensorflow"]["state"] == "warn"
    assert "though the driver lists 1" in found["tensorflow"]["found"]
