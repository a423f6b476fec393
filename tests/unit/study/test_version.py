"""Which text of a definition a host has: what changes the version, and what does not."""

import functools
import hashlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hpo.study import Fidelity, Float, Space, StudyDefinition, local_imports, registry
from hpo.study.version import digest

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


def apart(patch: pytest.MonkeyPatch) -> None:
    """What a load leaves in the process goes away with `patch`."""
    patch.setattr(sys, "path", list(sys.path))
    patch.setattr(local_imports, "_added", list(local_imports._added))
    patch.setattr(local_imports, "_texts", {})


@pytest.fixture(autouse=True)
def _process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    apart(monkeypatch)
    yield
    for name in [name for name in sys.modules if name.startswith(("helpers_of_versions", "deeper_of_versions"))]:
        del sys.modules[name]


def version(folder: Path, text: str | bytes, name: str = "own.py") -> str:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return registry.version(f"{path}:study")


def test_a_version_depends_on_the_text_and_not_on_the_path(tmp_path: Path) -> None:
    first = version(tmp_path / "a", TEXT)
    assert len(first) == 16
    assert version(tmp_path / "b", TEXT, "renamed.py") == first
    assert version(tmp_path / "c", TEXT.replace("\n", "\r\n")) == first  # as git has it on another system
    assert version(tmp_path / "d", TEXT.replace("return None", "return 1")) != first


def test_a_loaded_definition_keeps_its_version_when_the_file_changes(tmp_path: Path) -> None:
    first = version(tmp_path, TEXT)
    loaded = registry.load(f"{tmp_path / 'own.py'}:study")
    (tmp_path / "own.py").write_text(TEXT + "\n# another\n")
    assert loaded.version == first
    assert replace(loaded).version != first


def test_every_file_of_a_package_changes_the_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_fields_that_affect_training_change_the_version(changes: dict[str, object]) -> None:
    assert made(**changes).version != made().version


def test_only_definitions_of_several_fidelities_differ_from_their_earlier_version() -> None:
    one = made(fidelities=made().fidelities[:1])
    for definition, as_before in ((one, True), (made(), False)):
        said = (
            definition.name,
            definition.metric,
            definition.direction,
            definition.evaluation,
            definition.fidelities,
            definition.spaces,
        )
        plain = digest(repr(said), (definition.data, definition.build, definition.infeasible), definition.file)
        assert (definition.version == plain) is as_before


def test_fields_for_readers_only_do_not_change_the_version() -> None:
    assert made(title="Another", margin=0.5).version == made().version


def test_a_function_may_be_wrapped_or_have_no_file() -> None:
    wrapped = functools.partial(made().build)
    assert made(build=wrapped).version == made().version
    nowhere = eval("lambda params: None", {"__name__": "nowhere"})
    assert len(made(build=nowhere, data=nowhere).version) == 16


# What a definition imports from its own folder

WITH_HELPERS = "import helpers_of_versions\n" + TEXT


def with_helpers(folder: Path, helpers: str | bytes, text: str = WITH_HELPERS) -> str:
    """The version of a definition in that folder, as a fresh process has it."""
    folder.mkdir(exist_ok=True)
    (folder / "helpers_of_versions.py").write_bytes(helpers if isinstance(helpers, bytes) else helpers.encode())
    with pytest.MonkeyPatch.context() as patch:
        for name in ("helpers_of_versions", "deeper_of_versions"):
            patch.delitem(sys.modules, name, raising=False)
        apart(patch)
        return version(folder, text)


def test_other_helpers_change_the_version(tmp_path: Path) -> None:
    first = with_helpers(tmp_path / "a", "SIZE = 1\n")
    assert with_helpers(tmp_path / "b", "SIZE = 1\n") == first
    assert with_helpers(tmp_path / "c", "SIZE = 1\r\n") == first
    assert with_helpers(tmp_path / "d", "SIZE = 2\n") != first
    assert version(tmp_path / "e", TEXT) != first


@pytest.mark.parametrize(
    "text", [TEXT.replace("    return None", "    import helpers_of_versions\n    return None"), WITH_HELPERS]
)
def test_helpers_imported_late_or_by_helpers_change_the_version(tmp_path: Path, text: str) -> None:
    versions = []
    for size in (1, 2):
        folder = tmp_path / str(size)
        folder.mkdir()
        (folder / "deeper_of_versions.py").write_text(f"SIZE = {size}\n")
        versions.append(with_helpers(folder, "import deeper_of_versions\n", text))
    assert versions[0] != versions[1]


def test_modules_already_loaded_do_not_change_the_version(tmp_path: Path) -> None:
    first = with_helpers(tmp_path, "SIZE = 1\n")
    assert "helpers_of_versions" in sys.modules
    loaded = registry.load(f"{tmp_path / 'own.py'}:study")
    assert replace(loaded).version == first
    del sys.modules["helpers_of_versions"]
    assert replace(loaded).version == first


def test_a_definition_file_counts_even_if_its_functions_are_all_helpers(tmp_path: Path) -> None:
    helpers = "def make(size):\n    return lambda params: size\n"
    text = WITH_HELPERS.replace("build=build", "build=helpers_of_versions.make(1)").replace(
        "def build(params):\n    return None\n", ""
    )
    first = with_helpers(tmp_path / "a", helpers, text)
    assert with_helpers(tmp_path / "b", helpers, text) == first
    assert with_helpers(tmp_path / "c", helpers, text.replace("make(1)", "make(2)")) != first


def test_importing_a_packaged_definition_does_not_change_its_version(tmp_path: Path) -> None:
    before = registry.load("fcnn")
    text = "import helpers_of_versions\nfrom studies.fcnn import study\n"
    assert with_helpers(tmp_path, "", text) != before.version
    assert registry.load("fcnn") is before
    assert before.file is None


def test_the_version_without_helpers_never_changes(tmp_path: Path) -> None:
    """Studies under way have stored it, and would refuse another."""
    version(tmp_path, TEXT)
    build = registry.load(f"{tmp_path / 'own.py'}:study").build
    expected = hashlib.sha256(b"said" + b"\0" + b"" + b"\0" + TEXT.encode().removesuffix(b"\n")).hexdigest()[:16]
    assert digest("said", [build]) == expected
    assert digest("said", [build], tmp_path / "own.py") == expected
