"""Which text of a definition a host has: what changes the version, and what does not."""

import functools
from dataclasses import replace
from pathlib import Path

import pytest

from hpo.study import Fidelity, Float, Space, StudyDefinition, registry

TEXT = """
from hpo.data import boston_housing
from hpo.study import Fidelity, Float, Holdout, Space, StudyDefinition

def build(params):
    return None

study = StudyDefinition(
    name="mine",
    title="Mine",
    data=boston_housing,
    build=build,
    metric="mae",
    direction="minimize",
    spaces=(Space(name="s", params={"x": Float(low=0.0, high=1.0)}),),
    evaluation=Holdout(rows=2),
    fidelities=(Fidelity(name="quick", epochs=1),),
)
"""


@pytest.fixture(autouse=True)
def _path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", list(__import__("sys").path))


def version(folder: Path, text: str | bytes, name: str = "own.py") -> str:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return registry.version(f"{path}:study")


def test_it_is_of_the_text_not_of_where_it_lies(tmp_path: Path) -> None:
    first = version(tmp_path / "a", TEXT)
    assert len(first) == 16
    assert version(tmp_path / "b", TEXT, "renamed.py") == first
    assert version(tmp_path / "c", TEXT.replace("\n", "\r\n")) == first  # as git has it on another system
    assert version(tmp_path / "d", TEXT.replace("return None", "return 1")) != first


def test_what_was_loaded_keeps_its_version_and_a_copy_has_that_of_the_files_now(tmp_path: Path) -> None:
    first = version(tmp_path, TEXT)
    loaded = registry.load(f"{tmp_path / 'own.py'}:study")
    (tmp_path / "own.py").write_text(TEXT + "\n# another\n")
    assert loaded.version == first
    assert replace(loaded).version != first


def test_all_files_of_a_package_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "a_house"
    (package / "rooms").mkdir(parents=True)
    (package / "__init__.py").write_text(TEXT)
    deep = package / "rooms" / "deep.py"
    deep.write_text("SIZE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = registry.load("a_house:study")
    assert before.version == replace(before).version
    deep.write_text("SIZE = 2\n")
    assert before.version != replace(before).version


def made(**changes: object) -> StudyDefinition:
    return replace(registry.load("fcnn"), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"metric": "mse"},
        {"fidelities": (Fidelity(name="quick", epochs=51),)},
        {
            "spaces": (Space(name="other", params={"x": Float(low=0.0, high=1.0)}),),
            "baselines": (),
            "sweeps": (),
            "claims": (),
        },
    ],
)
def test_what_the_record_says_of_a_training_counts(changes: dict[str, object]) -> None:
    assert made(**changes).version != made().version


def test_what_only_people_read_does_not() -> None:
    assert made(title="Another", margin=0.5).version == made().version


def test_a_function_may_be_wrapped_or_have_no_file() -> None:
    wrapped = functools.partial(made().build)
    assert made(build=wrapped).version == made().version
    nowhere = eval("lambda params: None", {"__name__": "nowhere"})
    assert len(made(build=nowhere, data=nowhere).version) == 16
