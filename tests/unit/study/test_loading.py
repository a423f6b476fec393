"""A file that is loaded for what it defines ends where it would begin something of its own."""

import sys
from pathlib import Path

import pytest

from hpo.errors import DefinitionError, UsageError
from hpo.study import loading, registry
from hpo.study.plain_objective import PlainObjective

SCRIPT = """
from hpo.study import loading


def first(trial):
    return 1.0


def main():
    try:
        loading.end()
    except Exception:
        pass


main()


def second(trial):
    return 2.0
"""


def test_a_loaded_script_has_the_names_above_its_first_hpo_call(tmp_path: Path) -> None:
    script = tmp_path / "tune.py"
    script.write_text(SCRIPT)
    found = registry.find(f"{script}:first")
    assert isinstance(found, PlainObjective)
    assert found.function(None) == 1.0
    with pytest.raises(DefinitionError, match=r"has no 'second'; it was loaded as far as its first call of hpo\.opt"):
        registry.find(f"{script}:second")


def test_a_loaded_package_module_ends_at_its_first_hpo_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "ended_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "tune.py").write_text(SCRIPT)
    monkeypatch.syspath_prepend(tmp_path)
    assert registry.find("ended_package.tune:first").name == "first"
    assert "ended_package.tune" in sys.modules
    with pytest.raises(DefinitionError, match="under if __name__ == '__main__'"):
        registry.find("ended_package.tune:second")


def test_ending_a_load_outside_of_one_does_nothing() -> None:
    loading.end()


def test_the_program_that_runs_is_not_run_again_as_its_own_file(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text("ran = []\n\n\ndef objective(trial):\n    return 1.0\n")
    running = type(sys)("__main__")
    running.__file__ = str(script)
    exec(script.read_text(), vars(running))
    running.ran.append("once")
    assert registry.adopt(running, script) == str(script)
    assert registry.attribute(f"{script}:ran") == ["once"]
    script.write_text("ran = []\n")  # which is another program
    assert registry.attribute(f"{script}:ran") == []


def test_an_objective_held_in_this_process_is_found_with_its_newest_version() -> None:
    reference = registry.hold("found_here", lambda trial: 1.0)
    assert registry.find(reference).name == "found_here"
    assert registry.hold("found_here", lambda trial: 2.0) == reference
    found = registry.find(reference)
    assert isinstance(found, PlainObjective)
    assert found.function(None) == 2.0


def test_another_process_is_told_why_it_cannot_find_the_objective(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "this_process", raising=False)
    with pytest.raises(UsageError, match=r"'this_process:mine' was made at a prompt or in a notebook.*put it into a f"):
        registry.find("this_process:mine")
