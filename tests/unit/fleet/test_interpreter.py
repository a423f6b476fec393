"""Another Python imports what this one does, whatever lies in the folder it starts in."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hpo.fleet.supervisor import forkserver
from hpo.study import local_imports

pytestmark = pytest.mark.fresh


def run(code: str, *arguments: str) -> str:
    done = subprocess.run(
        forkserver.command(code, *arguments), input=forkserver.first_line(), capture_output=True, check=True
    )
    return done.stdout.decode()


def test_another_python_has_the_same_import_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(local_imports, "_added", [])
    monkeypatch.setattr(sys, "path", [str(tmp_path / "a:b ü"), "", *sys.path, str(tmp_path / "last")])
    assert json.loads(run("print(json.dumps(sys.path))")) == sys.path


def test_files_in_the_working_folder_do_not_shadow_libraries(tmp_path: Path) -> None:
    for name in ("json", "random", "keras", "hpo"):
        Path(f"{name}.py").write_text("raise ImportError('this is not what was meant')")
    found = run("import random, hpo.errors; print(random.__file__, hpo.errors.__file__)")
    assert str(tmp_path) not in found


def test_another_python_begins_without_the_folders_that_definitions_added(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(local_imports, "_added", [])
    local_imports.extend_path(tmp_path)
    assert str(tmp_path) in sys.path
    assert str(tmp_path) not in json.loads(run("print(json.dumps(sys.path))"))


def test_another_python_imports_hpo_from_where_this_one_did(tmp_path: Path) -> None:
    """As where hpo runs in a source checkout and is not installed."""
    checkout = tmp_path / "checkout"
    (checkout / "hpo").mkdir(parents=True)
    (checkout / "hpo" / "__init__.py").write_text("NAME = 'of the checkout'")
    code = (
        "import subprocess, sys\n"
        f"sys.path.remove({str(Path.cwd())!r}) if {str(Path.cwd())!r} in sys.path else None\n"
        "from hpo.fleet.supervisor import forkserver\n"
        f"sys.path.insert(0, {str(checkout)!r})\n"
        "subprocess.run(forkserver.command('import hpo; print(hpo.NAME)'), input=forkserver.first_line(), check=True)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "of the checkout\n"


def test_code_run_in_another_python_gets_its_arguments() -> None:
    assert run("print(sys.argv[1:])", "a", "b c") == "['a', 'b c']\n"
