"""Which modules a file imports from its own folder, found by reading it."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.errors import DefinitionError
from hpo.study import local_imports, registry
from hpo.study.local_imports import StaleProcessError, neighbours


def write(folder: Path, **texts: str) -> Path:
    """Files by their dotted names, `own` among them, whose path is returned."""
    for name, text in texts.items():
        path = folder.joinpath(*name.split("__of__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "own.py"


def found(folder: Path, own: str) -> set[str]:
    return set(neighbours(write(folder, own=own)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a module, a package with a room in it, and a folder that is no package."""
    write(
        tmp_path,
        helpers="",
        house__of____init__="",
        house__of__hall="from . import stairs",
        house__of__stairs="",
        house__of__cellar__of____init__="from .. import hall",
        bare__of__thing="import helpers",
    )
    return tmp_path


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import helpers", {"helpers"}),
        ("import helpers as h, os", {"helpers"}),
        ("from helpers import one, two", {"helpers"}),
        ("def later():\n    import helpers", {"helpers"}),
        ("try:\n    from helpers import *\nexcept ImportError:\n    pass", {"helpers"}),
        ("import house", {"house"}),
        ("import house.stairs", {"house", "house.stairs"}),
        ("from house import stairs", {"house", "house.stairs"}),
        ("from house.stairs import step", {"house", "house.stairs"}),
        ("from house import hall", {"house", "house.hall", "house.stairs"}),
        ("from house import *", {"house", "house.hall", "house.stairs"}),
        ("import house.cellar", {"house", "house.cellar", "house.hall", "house.stairs"}),
        ("import bare.thing", {"bare.thing", "helpers"}),
        ("import nowhere, bare, house.attic", {"house"}),
        ("from . import helpers", set()),
        ("x = (1,", set()),
        ("x = '\0'", set()),
        ("import own", set()),
    ],
)
def test_imports_from_the_own_folder_are_found(folder: Path, text: str, names: set[str]) -> None:
    assert found(folder, text) == names


def test_each_local_import_is_found_with_its_file(folder: Path) -> None:
    there = neighbours(write(folder, own="import house.stairs"))
    assert there == {"house": folder / "house" / "__init__.py", "house.stairs": folder / "house" / "stairs.py"}


def test_modules_that_import_each_other_are_found_once(tmp_path: Path) -> None:
    write(tmp_path, one="import two", two="import one, own")
    assert found(tmp_path, "import one") == {"one", "two"}


@pytest.mark.parametrize("name", ["random", "hpo", "numpy", "keras", "json"])
def test_a_library_name_means_the_library(tmp_path: Path, name: str) -> None:
    write(tmp_path, **{name: "import helpers", "helpers": ""})
    assert found(tmp_path, f"import {name}, {name}.deep") == set()


def test_a_folder_before_the_library_on_the_path_means_the_local_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where Python was started with the folder first on its path."""
    write(tmp_path, optuna="")
    assert found(tmp_path, "import optuna") == set()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert found(tmp_path, "import optuna") == {"optuna"}


def test_installed_packages_have_no_local_imports(tmp_path: Path) -> None:
    installed = tmp_path / "site-packages"
    write(installed, helpers="")
    assert found(installed, "import helpers") == set()


FORMS = (
    "import {name}",
    "from {name} import anything",
    "def later():\n    from {name} import anything as other",
    "class Room:\n    import {name} as inner",
    "if False:\n    import os, {name}",
)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 5), st.sampled_from(FORMS)), max_size=3),
        min_size=6,
        max_size=6,
    )
)
def test_all_modules_reachable_by_local_imports_are_found(
    tmp_path_factory: pytest.TempPathFactory, imports: list[list[tuple[int, str]]]
) -> None:
    folder = tmp_path_factory.mktemp("graph")
    names = ["own", *(f"module_{number}" for number in range(1, 6))]
    for name, its in zip(names, imports, strict=True):
        (folder / f"{name}.py").write_text("\n".join(form.format(name=names[to]) for to, form in its))
    reached, left = set(), [0]
    while left:
        for to, _ in imports[left.pop()]:
            if to and to not in reached:
                reached.add(to)
                left.append(to)
    assert set(neighbours(folder / "own.py")) == {names[number] for number in reached}


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
    monkeypatch.setattr(local_imports, "_added", list(local_imports._added))
    monkeypatch.setattr(local_imports, "_texts", {})
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


def test_helpers_not_imported_yet_of_two_definitions_need_a_fresh_process(tmp_path: Path) -> None:
    """The first one would import them in its first training, and so would the second."""
    registry.load(definition(tmp_path / "a", "one"))
    assert HELPERS not in sys.modules
    with pytest.raises(StaleProcessError):
        registry.load(definition(tmp_path / "b", "two"))


def test_helpers_beside_a_definition_that_does_not_use_them_need_a_fresh_process(tmp_path: Path) -> None:
    registry.load(definition(tmp_path / "a", "one", OWN.replace(f"import {HELPERS}", "pass")))
    with pytest.raises(StaleProcessError):
        registry.load(definition(tmp_path / "b", "two"))


def test_a_definition_without_helpers_loads_beside_any_other(tmp_path: Path) -> None:
    registry.load(definition(tmp_path / "a", "one")).build({})
    assert registry.load(definition(tmp_path / "b", "two", OWN.replace(f"import {HELPERS}", "pass"))).name == "mine"


def test_two_definitions_of_one_folder_share_its_helpers(tmp_path: Path) -> None:
    first = registry.load(definition(tmp_path, "one"))
    (tmp_path / "other.py").write_text(OWN)
    assert registry.load(f"{tmp_path / 'other.py'}:study").build({}) is first.build({})


def test_a_shadowing_module_on_the_path_is_an_error_and_no_fresh_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition(tmp_path / "first", "first")
    monkeypatch.syspath_prepend(tmp_path / "first")
    with pytest.raises(DefinitionError, match="rename one of the two") as caught:
        registry.load(definition(tmp_path / "b", "two"))
    assert not isinstance(caught.value, StaleProcessError)


def test_changed_helpers_already_imported_are_not_mixed_with_a_new_definition(tmp_path: Path) -> None:
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


def test_changed_helpers_not_yet_imported_are_loaded_as_they_are_now(tmp_path: Path) -> None:
    reference = definition(tmp_path, "one")
    registry.load(reference)
    definition(tmp_path, "another", OWN + "\n# changed, too\n")
    assert registry.load(reference).build({}) == "another"


def test_helpers_of_a_module_reference_are_checked_as_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.load(definition(tmp_path / "a", "one"))
    definition(tmp_path / "b", "two")
    (tmp_path / "b" / "own_module_of_ours.py").write_text(OWN)
    monkeypatch.chdir(tmp_path / "b")
    with pytest.raises(StaleProcessError):
        registry.load("own_module_of_ours:study")
