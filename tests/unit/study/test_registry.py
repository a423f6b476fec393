import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from hpo.errors import DefinitionError, HpoError, UsageError
from hpo.study import StudyDefinition, registry

GOOD = """
from hpo.study import Fidelity, Float, Holdout, Space, StudyDefinition

study = StudyDefinition(
    name="mine",
    title="Mine",
    data=lambda: None,
    build=lambda params: None,
    metric="mae",
    direction="minimize",
    spaces=(Space(name="s", params={"x": Float(low=0.0, high=1.0)}),),
    evaluation=Holdout(rows=2),
    fidelities=(Fidelity(name="quick", epochs=1),),
)
number = 3
"""


@pytest.fixture(autouse=True)
def _path(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a load appends to the import path goes away with the test."""
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my_study.py"
    path.write_text(GOOD)
    return path


def test_installed_definitions_are_found_by_name() -> None:
    assert set(registry.names()) >= {"cnn", "fcnn"}
    assert registry.names() == tuple(sorted(point.name for point in entry_points(group="hpo.studies")))


def test_a_file_is_found_by_a_relative_or_an_absolute_path(file: Path) -> None:
    assert registry.load("./my_study.py:study").name == "mine"
    assert registry.load("my_study.py:study") is registry.load(f"{file}:study")


def test_a_definition_object_is_returned_unchanged(file: Path) -> None:
    study = registry.load(f"{file}:study")
    assert isinstance(study, StudyDefinition)
    assert registry.load(study) is study


def test_a_module_in_this_folder_is_found(tmp_path: Path) -> None:
    package = tmp_path / "house_of_tests"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "inner.py").write_text(GOOD)
    try:
        assert registry.load("house_of_tests.inner:study").name == "mine"
    finally:
        for name in [name for name in sys.modules if name.startswith("house_of_tests")]:
            del sys.modules[name]


def test_a_file_may_import_its_neighbours_and_define_dataclasses(file: Path) -> None:
    neighbour = file.with_name("neighbour_of_my_study.py")
    neighbour.write_text("NAME = 'from next door'\n")
    record = "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: 'int' = 1\n"
    file.write_text(f"from neighbour_of_my_study import NAME\n{record}" + GOOD.replace('"mine"', "NAME"))
    try:
        assert registry.load(f"{file}:study").name == "from next door"
    finally:
        sys.modules.pop("neighbour_of_my_study", None)


def test_two_files_of_one_name_are_two_modules(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "my_study.py"
    other.parent.mkdir()
    other.write_text(GOOD.replace('"mine"', '"theirs"'))
    assert registry.load(f"{file}:study").name == "mine"
    assert registry.load(f"{other}:study").name == "theirs"
    assert registry.load(f"{file}:study").name == "mine"


def test_a_changed_file_is_read_again(file: Path) -> None:
    assert registry.load(f"{file}:study").name == "mine"
    file.write_text(GOOD.replace('"mine"', '"ours"'))  # the same length, within the same second
    assert registry.load(f"{file}:study").name == "ours"


def test_a_file_reference_is_valid_from_any_folder(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = registry.reference("./my_study.py:study")
    assert reference == f"{file.resolve()}:study"
    (tmp_path / "deeper").mkdir()
    monkeypatch.chdir(tmp_path / "deeper")
    assert registry.load(reference).name == "mine"


@pytest.mark.parametrize("ref", ["cnn", "some.module:study", "no such thing"])
def test_a_name_or_a_module_is_its_own_reference(ref: str) -> None:
    assert registry.reference(ref) == ref


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("cn", r"no definition 'cn'; did you mean cnn\? Installed: cnn, .*fcnn.*\./my_study\.py:study"),
        ("xyzzy", r"no definition 'xyzzy'; installed: cnn, .*fcnn"),
        ("", "named by a text"),
        ("./my_study.py", r"write \./my_study\.py:ATTRIBUTE"),
        ("./nowhere.py:study", r"there is no file .*/nowhere\.py"),
        ("./folder.py:study", "cannot be read"),
        ("no_such_module_anywhere:study", "no module 'no_such_module_anywhere'"),
        ("json.nothing:study", "no module 'json.nothing'"),
        ("my_study.py:", "MODULE:ATTRIBUTE or FILE.py:ATTRIBUTE"),
        (":study", "MODULE:ATTRIBUTE or FILE.py:ATTRIBUTE"),
        ("my_study.py:a b", "MODULE:ATTRIBUTE or FILE.py:ATTRIBUTE"),
    ],
)
def test_a_missing_definition_is_refused_in_one_line_with_a_remedy(
    file: Path, tmp_path: Path, ref: str, message: str
) -> None:
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(UsageError, match=message) as caught:
        registry.load(ref)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = (1,\nstudy = 2\n", r"my_study\.py:1: SyntaxError: "),
        ("x = 1\nif x:\nstudy = 2\n", r"my_study\.py:3: IndentationError: "),
        ("x = '\0'\n", r"my_study\.py.*null bytes"),
        ("\n\nimport no_such_module_at_all\n", r"my_study\.py:3: ModuleNotFoundError: .*no_such_module_at_all"),
        ("from json import nothing_such\n", r"my_study\.py:1: ImportError: "),
        ("def f():\n    return 1 / 0\nf()\n", r"my_study\.py:2: ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)\n", r"my_study\.py:2: SystemExit: 3"),
        ("raise ValueError('one\\ntwo')\n", r"my_study\.py:1: ValueError: one two$"),
        ("assert False\n", r"my_study\.py:1: AssertionError$"),
        (GOOD.replace("low=0.0", "low=2.0"), r"my_study\.py:11: a Float needs finite low <= high"),
        (
            GOOD.replace('"minimize"', '"down"'),
            r"my_study\.py:4: definition 'mine': direction must be one of maximize",
        ),
        (GOOD.replace("spaces=", "room="), r"my_study\.py:4: TypeError: .*'room'"),
        (GOOD.replace("study =", "studie ="), r"my_study\.py has no 'study'; it has: studie"),
        ("pass\n", r"has no 'study'; it has neither a StudyDefinition nor an objective"),
        (GOOD.replace("number =", "study ="), r"'study' in .*my_study\.py is a int, neither a StudyDefinition nor"),
    ],
)
def test_a_broken_file_is_one_line_with_file_line_and_cause(file: Path, text: str, message: str) -> None:
    file.write_text(text)
    with pytest.raises(DefinitionError, match=message) as caught:
        registry.load(f"{file}:study")
    assert "\n" not in str(caught.value)


def test_a_broken_module_tells_the_line_too(tmp_path: Path) -> None:
    (tmp_path / "broken_module_of_tests.py").write_text("x = 1\nimport no_such_module_at_all\n")
    with pytest.raises(DefinitionError, match=r"broken_module_of_tests\.py:2: ModuleNotFoundError"):
        registry.load("broken_module_of_tests:study")


def test_a_file_mended_after_an_error_loads(file: Path) -> None:
    file.write_text("1 / 0\n")
    with pytest.raises(HpoError):
        registry.load(f"{file}:study")
    file.write_text(GOOD)
    assert registry.load(f"{file}:study").name == "mine"
