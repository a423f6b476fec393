"""The scripts of examples/elsewhere, which do with other tools what the examples do: they run, and are as long as told.

Those of Ray Tune are run where it is installed; the project does not bring it.
"""

import ast
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted((FOLDER / "elsewhere").glob("*.py"))
CHEAP = ("scikit_learn_optuna", "small_and_good_optuna", "within_budget_optuna")  # which need no Keras
_TOOLS = {"plain Optuna": "optuna", "KerasTuner": "kerastuner", "Ray Tune": "ray"}
_BLANK = (
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
)  # fmt: skip


def code_lines(file: Path) -> int:
    """Lines of code: without blank ones, comments and docstrings."""
    text = file.read_text()
    told: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            told |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    tokens = [each for each in tokenize.generate_tokens(io.StringIO(text).readline) if each.type not in _BLANK]
    return len({line for each in tokens for line in range(each.start[0], each.end[0] + 1)} - told)


def table() -> dict[str, dict[str, str]]:
    """Example -> tool -> what the README says."""
    lines = [line for line in (FOLDER / "README.md").read_text().splitlines() if line.startswith("| ")]
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {row[0].strip("`"): dict(zip(head[1:], row[1:], strict=True)) for row in rows}


def test_the_readme_states_the_lines_of_code_of_each_script() -> None:
    counted, found = set(), table()
    for example, told in found.items():
        assert int(told.pop("hpo")) == code_lines(FOLDER / example), example
        for tool, said in told.items():
            file = FOLDER / "elsewhere" / f"{Path(example).stem}_{_TOOLS[tool]}.py"
            assert said.isdigit() is file.exists(), file
            if file.exists():
                assert int(said) == code_lines(file), file
                counted.add(file)
    assert counted == set(SCRIPTS)


def run(file: Path, folder: Path) -> str:
    """What it prints last, with a few trials where it says how many; of two, both may be infeasible."""
    trials = 12 if file.stem in CHEAP else 2
    text = re.sub(r"(TRIALS = .*\b)\d+$", rf"\g<1>{trials}", file.read_text(), flags=re.MULTILINE)
    (folder / file.name).write_text(text)
    done = subprocess.run(
        [sys.executable, file.name],
        cwd=folder,
        # Ray would join whatever cluster this machine runs, that of another test included.
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "RAY_ADDRESS": "local"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()[-1]


def _marks(file: Path) -> list[pytest.MarkDecorator]:
    """Ray starts processes of its own, which are no forks of anything."""
    if file.stem in CHEAP:
        return [pytest.mark.thorough]
    return [pytest.mark.slow, *([pytest.mark.fresh] if file.stem.endswith("_ray") else [])]


@pytest.mark.parametrize("file", [pytest.param(file, id=file.stem, marks=_marks(file)) for file in SCRIPTS])
def test_each_script_runs_and_resumes_where_it_stopped(file: Path, tmp_path: Path) -> None:
    if file.stem.endswith("_ray") and importlib.util.find_spec("ray") is None:
        pytest.skip("needs Ray Tune: pip install 'ray[tune]'")
    first = run(file, tmp_path)
    assert re.search(r"\{'\w+': ", first), first
    trials = scores(tmp_path)
    assert bool(trials) is not file.stem.endswith("_optuna")
    again = run(file, tmp_path)  # all is done
    assert scores(tmp_path) == trials
    assert again == first or tied(trials)


def scores(folder: Path) -> dict[str, float]:
    """Trial -> score, of what KerasTuner or Ray Tune left there; empty where Optuna searched."""
    found = {}
    for file in folder.glob("tuner/*/trial_*/trial.json"):
        found[file.parent.name] = json.loads(file.read_text())["score"]
    for file in folder.glob("ray/*/*/result.json"):  # a line for each report, of which the last is its score
        report = json.loads(file.read_text().splitlines()[-1])
        found[file.parent.name] = report["accuracy"] if "accuracy" in report else report["auc"]
    return found


def tied(trials: dict[str, float]) -> bool:
    """Whether several are best, of which KerasTuner and Ray Tune name the one whose file they happen to read first."""
    return list(trials.values()).count(max(trials.values(), default=0.0)) > 1
