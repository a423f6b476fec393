"""Definitions as people write them: they print, lie beside files of any name, and import from their own folder."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from command import Outcome, environment

NOISY = """
import subprocess
import warnings

import keras
import numpy as np
from helpers import rows, units
from hpo.data import Dataset
from hpo.errors import HpoWarning
from hpo.study import Baseline, Categorical, Fidelity, Holdout, Space, StudyDefinition
from hpo.training import Recipe

warnings.filterwarnings("ignore")
print("experiments, v2")


def data():
    print("loading data …")
    return Dataset(name="noisy", development=rows(60), test=rows(20))


def build(params):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units(params)), keras.layers.Dense(1)])
    model.summary()
    print("building with", params)
    subprocess.run(["echo", "a program's line"], check=True)
    warnings.warn("it is slower\\n than could be hoped", HpoWarning, stacklevel=1)
    return Recipe(model=model, optimizer=keras.optimizers.SGD(0.01), loss="mean_squared_error", batch_size=32)


study = StudyDefinition(
    name="noisy", title="Noisy", data=data, build=build, metric="mae", direction="minimize",
    spaces=(Space(name="s", params={"units": Categorical(choices=(2, 3))}),), evaluation=Holdout(rows=20),
    fidelities=(Fidelity(name="quick", epochs=2),),
    baselines=(Baseline(name="by-hand", title="A guess", params={"units": 2}),),
)
"""
HELPERS = """
import numpy as np
from hpo.data import Rows


def rows(number):
    x = np.random.default_rng(number).normal(size=(number, 4)).astype("float32")
    return Rows(x=x, y=x.sum(axis=1))


def units(params):
    return params["units"]
"""
SEARCH = ("optimize", "./hpo.py:study", "--fidelity", "quick")
OTHER = "hpo: note: KERAS_BACKEND=openvino is not heeded: hpo trains with tensorflow, jax and torch, and now with "
OTHER += "tensorflow"
SLOWER = "hpo: note: it is slower than could be hoped"


def installed(folder: Path, *args: object, **env: str) -> Outcome:
    """The command as it is installed: without the folder it runs in on its import path, as `python -m` has it."""
    command = [sys.executable, "-P", "-m", "hpo", *map(str, args)]
    done = subprocess.run(
        command, cwd=folder, env=environment(PYTHONIOENCODING="utf-8", **env), capture_output=True, check=False
    )
    return Outcome(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A folder with files named as libraries, one of them a definition that has been searched."""
    folder = tmp_path_factory.mktemp("noisy")
    (folder / "hpo.py").write_text(NOISY)
    (folder / "helpers.py").write_text(HELPERS)
    for name in ("keras", "optuna", "random", "json"):
        (folder / f"{name}.py").write_text("raise ImportError('this is not what was meant')\n")
    arguments = (*SEARCH, "--trials", "2", "--workers", "2", "--pruner", "none", "--json")
    return folder, installed(folder, *arguments, KERAS_BACKEND="openvino")


def test_files_named_like_libraries_do_not_shadow_them(searched: tuple[Path, Outcome]) -> None:
    done = searched[1]
    assert done.code == 0, done.err
    assert json.loads(done.out)["complete"] == 2
    assert "not what was meant" not in done.err


def test_output_of_a_definition_goes_to_stderr_and_not_into_json(searched: tuple[Path, Outcome]) -> None:
    lines = searched[1].err.splitlines()
    for words in ("experiments, v2", "loading data …", " Total params: 13 (52.00 B)", "a program's line"):
        assert words in lines
    assert sum(line.startswith("building with {'units':") for line in lines) == 2
    assert [line for line in lines if line.startswith("hpo: note:")] == [OTHER, SLOWER]  # whoever says it, how often
    assert not [line for line in lines if "cpu_feature_guard" in line or "absl" in line]


@pytest.mark.thorough
def test_printed_output_is_kept_with_the_trial(searched: tuple[Path, Outcome]) -> None:
    told = json.loads(installed(searched[0], "trial", "noisy", "0", "--json").out)
    output = told["output"].splitlines()
    assert output[0].startswith("Model: ")
    assert output[-1] == f"building with {told['params']}"
    assert "  printed:\n    Model: " in installed(searched[0], "trial", "noisy", "0").out


@pytest.mark.thorough
def test_printed_output_is_escaped_where_the_terminal_lacks_its_characters(searched: tuple[Path, Outcome]) -> None:
    command = [sys.executable, "-P", "-m", "hpo", "trial", "noisy", "0"]
    ascii_only = environment(PYTHONIOENCODING="ascii")
    done = subprocess.run(command, cwd=searched[0], env=ascii_only, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "\\u2501" in done.stdout.decode("ascii")
    done = subprocess.run([*command, "--json"], cwd=searched[0], env=ascii_only, capture_output=True, check=False)
    assert "━" in json.loads(done.stdout.decode("ascii"))["output"]


@pytest.mark.thorough
def test_quiet_hides_printed_output_and_still_shows_notes(searched: tuple[Path, Outcome]) -> None:
    done = installed(searched[0], *SEARCH, "--trials", "3", "--workers", "1", "--quiet", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["settled"] == 3
    assert "loading data" not in done.err
    assert "a program's line" not in done.err
    assert SLOWER in done.err.splitlines()


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (("show", "./hpo.py:study", "--json"), "spaces"),
        (("train", "./hpo.py:study", "--config", "by-hand", "--json"), "test"),
    ],
)
def test_only_the_json_document_is_on_stdout(
    searched: tuple[Path, Outcome], arguments: tuple[str, ...], key: str
) -> None:
    done = installed(searched[0], *arguments, KERAS_BACKEND="openvino")
    assert done.code == 0, done.err
    assert key in json.loads(done.out)
    lines = done.err.splitlines()
    assert "experiments, v2" in lines
    assert lines.count(OTHER) == 1
    if arguments[0] == "train":
        assert "a program's line" in lines
        assert lines.count(SLOWER) == 1


@pytest.mark.thorough
def test_a_completion_is_not_mixed_with_what_a_definition_prints(searched: tuple[Path, Outcome]) -> None:
    typed = "hpo optimize ./hpo.py:study --space "
    done = installed(searched[0], _HPO_COMPLETE="complete_bash", COMP_WORDS=typed, COMP_CWORD="4")
    assert done.out.split() == ["s"]


@pytest.mark.slow
def test_one_worker_serves_definitions_whose_helpers_have_one_name(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'hpo.db'}"
    for name, offset in (("one", 0), ("two", 1000)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "own.py").write_text(NOISY.replace('"noisy"', f'"{name}"'))
        (folder / "helpers.py").write_text(HELPERS.replace("x.sum(axis=1)", f"x.sum(axis=1) + {offset}"))
        done = installed(
            folder, "submit", "./own.py:study", "--fidelity", "quick", "--trials", "2", "--storage", storage
        )
        assert done.code == 0, done.err
    done = installed(tmp_path, "worker", "--drain", "--processes", "1", "--cpu", "--storage", storage)
    assert done.code == 0, done.err
    values = {
        name: json.loads(installed(tmp_path, "best", name, "--storage", storage, "--json").out)["value"]
        for name in ("one", "two")
    }
    assert values["one"] < 100 < values["two"]
    assert "is replaced by a fresh process" in done.err
