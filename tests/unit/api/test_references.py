"""How other processes find what a program hands over."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import hpo
from hpo.api.references import referenced
from hpo.errors import DefinitionError, UsageError
from hpo.study import registry

OBJECTIVES = """
import functools

import hpo


def plain(trial):
    return 1.0


@hpo.tunable(direction="minimize", name="a name of its own")
def decorated(trial):
    return 1.0


def made(power):
    def inner(trial):
        return 2.0**power

    return inner


square = made(2)
short = lambda trial: 1.0
partial = functools.partial(lambda power, trial: power, 3)
_private = made(3)


class Callable:
    def __call__(self, trial):
        return 1.0


instance = Callable()
"""


@pytest.fixture
def lone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module that lies beside a script."""
    (tmp_path / "lone_objectives.py").write_text(OBJECTIVES)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "lone_objectives", raising=False)
    import lone_objectives  # type: ignore[import-not-found]

    return lone_objectives


def program(monkeypatch: pytest.MonkeyPatch, file: Path | None, text: str = OBJECTIVES, said: str | None = None) -> Any:
    """The program that runs: of that file, or of none; `said`: what its code says it is from."""
    running = ModuleType("__main__")
    if file is not None:
        file.write_text(text)
        running.__file__ = str(file)
    monkeypatch.setitem(sys.modules, "__main__", running)
    exec(compile(text, said or str(file or "<stdin>"), "exec"), vars(running))
    return running


@pytest.mark.parametrize("name", ["plain", "decorated", "square", "short", "partial", "_private", "instance"])
def test_an_objective_of_a_lone_module_is_referenced_by_its_file(lone: Any, name: str) -> None:
    found = referenced(getattr(lone, name))
    assert (found.reference, found.only_here) == (f"{lone.__file__}:{name}", False)


def test_an_objective_of_a_package_is_referenced_by_its_module() -> None:
    from studies.cnn import study

    assert referenced(study).reference.startswith("studies.cnn")
    assert registry.load(referenced(study).reference) == study


def test_an_objective_found_by_reference_keeps_its_reference(lone: Any) -> None:
    reference = f"{lone.__file__}:decorated"
    assert referenced(registry.find(reference)).reference.endswith("lone_objectives.py:decorated")


def test_a_text_reference_is_kept_unchanged() -> None:
    assert referenced("./mine.py:study").reference == "./mine.py:study"


def test_a_name_in_the_running_program_is_found_in_its_file_without_rerunning_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = program(monkeypatch, tmp_path / "script.py")
    found = referenced(running.plain)
    assert (found.reference, found.only_here) == (f"{tmp_path / 'script.py'}:plain", False)
    assert registry.attribute(found.reference) is running.plain


def test_an_imported_objective_is_referenced_in_its_own_module(
    lone: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = program(monkeypatch, tmp_path / "importing.py", "from lone_objectives import plain, square\n")
    assert referenced(running.plain).reference == f"{lone.__file__}:plain"
    assert referenced(running.square).reference == f"{lone.__file__}:square"


def _typed(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Callable[[Any], float]:
    return program(monkeypatch, None).plain  # type: ignore[no-any-return]


def _cell(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Callable[[Any], float]:
    """Of an editor that runs cells in a program with a file."""
    return program(monkeypatch, folder / "edited.py", said="<cell 1>").plain  # type: ignore[no-any-return]


def _closure(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Callable[[Any], float]:
    return lambda trial: 1.0


@pytest.mark.parametrize("make", [_typed, _cell, _closure])
def test_an_objective_without_a_name_in_a_file_is_known_only_in_this_process(
    make: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objective = make(monkeypatch, tmp_path)
    found = referenced(objective)
    assert found.only_here
    assert vars(registry.find(found.reference))["function"] is objective
    assert found.name == ("objective" if make is _closure else "plain")


@pytest.mark.parametrize("thing", [3, None, ["cnn"], Path("mine.py"), ValueError])
def test_an_object_that_cannot_be_searched_is_refused(thing: Any) -> None:
    with pytest.raises(UsageError, match="what is searched is a StudyDefinition, a function of an Optuna trial, or "):
        referenced(thing)


def test_a_function_without_a_trial_argument_is_refused() -> None:
    with pytest.raises(DefinitionError, match="program is no objective, which takes one argument, the trial"):
        referenced(program)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 2}, "no other process can load it, and workers=2 asks for others: put it into a file, tune.py"),
        ({"workers": 0}, "workers=0 asks for others"),
        ({"wait": False}, "wait=False leaves a search to a fleet, so it needs workers=0"),
        ({"direction": "up"}, "direction is maximize or minimize, or several of these, not 'up'"),
        ({"try_": {"x": 1.0}}, r"try_ takes several configurations, \[{...}, {...}\], or a JSON file"),
        ({"try_": [1.0]}, "a configuration to try is a dict such as {'rate': 0.01}, not 1.0"),
        ({"trials": 0}, "trials must be a whole number from 1"),
    ],
)
@pytest.mark.filterwarnings("ignore::hpo.errors.HpoWarning")
def test_invalid_optimize_arguments_are_refused_in_one_line(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    asked = {"trials": 3, "direction": "minimize", "storage": f"sqlite:///{tmp_path / 'none.db'}", **options}
    with pytest.raises(UsageError, match=message):
        hpo.optimize(lambda trial: 1.0, **asked)
    assert not (tmp_path / "none.db").exists()
