"""Which modules a file imports from its own folder, found by reading it."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.study.neighbours import neighbours


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
def test_what_is_imported_from_the_folder_is_found(folder: Path, text: str, names: set[str]) -> None:
    assert found(folder, text) == names


def test_each_is_named_with_its_file(folder: Path) -> None:
    there = neighbours(write(folder, own="import house.stairs"))
    assert there == {"house": folder / "house" / "__init__.py", "house.stairs": folder / "house" / "stairs.py"}


def test_two_that_import_each_other_are_found_once(tmp_path: Path) -> None:
    write(tmp_path, one="import two", two="import one, own")
    assert found(tmp_path, "import one") == {"one", "two"}


@pytest.mark.parametrize("name", ["random", "hpo", "numpy", "keras", "json"])
def test_the_name_of_a_library_means_the_library(tmp_path: Path, name: str) -> None:
    write(tmp_path, **{name: "import helpers", "helpers": ""})
    assert found(tmp_path, f"import {name}, {name}.deep") == set()


def test_a_library_that_comes_after_the_folder_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where Python was started with the folder first on its path."""
    write(tmp_path, optuna="")
    assert found(tmp_path, "import optuna") == set()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert found(tmp_path, "import optuna") == {"optuna"}


def test_what_is_installed_has_no_neighbours(tmp_path: Path) -> None:
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
def test_whatever_imports_what_all_that_can_be_reached_is_found(
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
