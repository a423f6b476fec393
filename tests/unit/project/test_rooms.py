"""The rooms of the package: each says what it is for and what is in it."""

import importlib
from pathlib import Path

import pytest

import hpo

PACKAGE = Path(hpo.__file__).parent
ROOMS = sorted(
    ".".join(path.parent.relative_to(PACKAGE.parent).parts)
    for layer in ("analysis", "cli")
    for path in (PACKAGE / layer).rglob("__init__.py")
)


@pytest.mark.parametrize("name", ROOMS)
def test_every_package_has_a_docstring_and_a_valid_all(name: str) -> None:
    room = importlib.import_module(name)
    assert room.__doc__
    folder = PACKAGE.parent.joinpath(*name.split("."))
    modules = {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    for one in room.__all__:
        assert hasattr(room, one) or one in modules, f"{name} has no {one}"


@pytest.mark.parametrize("name", [room for room in ROOMS if room != "hpo.cli"])  # whose main is the command itself
def test_no_function_exported_by_a_package_shadows_a_module(name: str) -> None:
    """`from room import name` must mean one thing, whatever has been imported before."""
    room = importlib.import_module(name)
    for one in room.__all__:
        found = getattr(room, one, None)
        if callable(found):
            with pytest.raises(ModuleNotFoundError):
                importlib.import_module(f"{name}.{one}")
