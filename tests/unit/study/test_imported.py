"""Two definitions whose folders have modules of one name, in one process: refused, rather than one gets the other's."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hpo.errors import DefinitionError
from hpo.study import import_path, imported, registry
from hpo.study.imported import StaleProcessError

OWN = """
from hpo.study import Fidelity, Float, Holdout, Space, StudyDefinition

def build(params):
    import test_helpers_of_ours
    return test_helpers_of_ours.WORD

study = StudyDefinition(
    name="mine", title="Mine", data=lambda: None, build=build, metric="mae", direction="minimize",
    spaces=(Space(name="s", params={"x": Float(low=0.0, high=1.0)}),), evaluation=Holdout(rows=2),
    fidelities=(Fidelity(name="quick", epochs=1),),
)
"""
HELPERS = "test_helpers_of_ours"


@pytest.fixture(autouse=True)
def _process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a load leaves in the process goes away with the test."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(import_path, "_added", list(import_path._added))
    monkeypatch.setattr(imported, "_texts", {})
    yield
    sys.modules.pop(HELPERS, None)


def definition(folder: Path, word: str | None, text: str = OWN) -> str:
    """Reference of a definition with its helpers beside it; None: without any."""
    folder.mkdir(exist_ok=True)
    (folder / "own.py").write_text(text)
    if word is not None:
        (folder / f"{HELPERS}.py").write_text(f"WORD = {word!r}\n")
    return f"{folder / 'own.py'}:study"


def test_the_helpers_of_another_definition_are_not_taken_for_its_own(tmp_path: Path) -> None:
    one, two = definition(tmp_path / "a", "one"), definition(tmp_path / "b", "two")
    assert registry.load(one).build({}) == "one"
    with pytest.raises(StaleProcessError, match=rf"b/own\.py imports .*b/{HELPERS}\.py, but here .*a/{HELPERS}\.py"):
        registry.load(two)
    assert registry.load(one).build({}) == "one"


def test_nor_where_nobody_has_imported_them_yet(tmp_path: Path) -> None:
    """The first one would import them in its first training, and so would the second."""
    registry.load(definition(tmp_path / "a", "one"))
    assert HELPERS not in sys.modules
    with pytest.raises(StaleProcessError):
        registry.load(definition(tmp_path / "b", "two"))


def test_nor_where_the_other_one_does_not_use_them(tmp_path: Path) -> None:
    registry.load(definition(tmp_path / "a", "one", OWN.replace(f"import {HELPERS}", "pass")))
    with pytest.raises(StaleProcessError):
        registry.load(definition(tmp_path / "b", "two"))


def test_one_that_has_no_helpers_minds_nobodys(tmp_path: Path) -> None:
    registry.load(definition(tmp_path / "a", "one")).build({})
    assert registry.load(definition(tmp_path / "b", "two", OWN.replace(f"import {HELPERS}", "pass"))).name == "mine"


def test_two_definitions_of_one_folder_share_its_helpers(tmp_path: Path) -> None:
    first = registry.load(definition(tmp_path, "one"))
    (tmp_path / "other.py").write_text(OWN)
    assert registry.load(f"{tmp_path / 'other.py'}:study").build({}) is first.build({})


def test_what_else_is_on_the_import_path_is_no_reason_for_a_fresh_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition(tmp_path / "first", "first")
    monkeypatch.syspath_prepend(tmp_path / "first")
    with pytest.raises(DefinitionError, match="rename one of the two") as caught:
        registry.load(definition(tmp_path / "b", "two"))
    assert not isinstance(caught.value, StaleProcessError)


def test_helpers_that_changed_since_they_were_imported_are_not_mixed_with_a_new_definition(tmp_path: Path) -> None:
    reference = definition(tmp_path, "one")
    before = registry.load(reference)
    version = before.version
    assert before.build({}) == "one"
    definition(tmp_path, "another")
    assert registry.load(reference) is before  # which is what it was, helpers and all
    assert before.version == version
    assert replace(before).version != version  # as its files read now
    definition(tmp_path, "another", OWN + "\n# changed, too\n")
    with pytest.raises(StaleProcessError, match=rf"{HELPERS}\.py has changed since it was imported here"):
        registry.load(reference)


def test_helpers_that_changed_before_anybody_imported_them_are_as_they_are_now(tmp_path: Path) -> None:
    reference = definition(tmp_path, "one")
    registry.load(reference)
    definition(tmp_path, "another", OWN + "\n# changed, too\n")
    assert registry.load(reference).build({}) == "another"


def test_a_module_is_looked_at_as_a_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.load(definition(tmp_path / "a", "one"))
    definition(tmp_path / "b", "two")
    (tmp_path / "b" / "own_module_of_ours.py").write_text(OWN)
    monkeypatch.chdir(tmp_path / "b")
    with pytest.raises(StaleProcessError):
        registry.load("own_module_of_ours:study")
