"""Searches that a program asks for: scripts in processes of their own, a notebook's cells, and the handle they give."""

import subprocess
import sys
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import hpo
from hpo import storage
from hpo.errors import DefinitionError, HpoError, HpoWarning, StudyError
from hpo.fleet.worker.work_loop import Server
from hpo.storage.slots.slots import Slots

BEGIN = """
import os
import sys

import hpo


def parabola(trial):
    trial.set_user_attr("process", os.getpid())
    trial.set_user_attr("heavy", sorted({"tensorflow", "keras"} & set(sys.modules)))
    return (trial.suggest_float("x", -4.0, 4.0) - 1) ** 2


def search():
    study = hpo.optimize(parabola, trials=12, workers=2, direction="minimize", storage="sqlite:///hpo.db", seed=1)
    others = {trial.attributes["process"] for trial in study.trials} - {os.getpid()}
    print(study.name, study.status.complete, len(study.trials), bool(others), study.trials[0].attributes["heavy"])
"""
BARE = f"{BEGIN}\n\nsearch()\nprint('the end')\n"
GUARDED = f"{BEGIN}\n\nif __name__ == '__main__':\n    search()\n    print('the end')\n"
NOTEBOOK = """
import code

shell = code.InteractiveInterpreter({"__name__": "__main__"})
for cell in (
    "import hpo",
    '''
def objective(trial):
    return trial.suggest_float("x", -4.0, 4.0) ** 2
''',
    '''
study = hpo.optimize(objective, trials=4, direction="minimize", storage="sqlite:///hpo.db", seed=1, progress=False)
study = hpo.optimize(objective, trials=6, direction="minimize", storage="sqlite:///hpo.db")
print(study.name, study.status.complete)
''',
    'hpo.optimize(objective, trials=9, workers=2, direction="minimize", storage="sqlite:///hpo.db")',
):
    shell.runcode(compile(cell, "<cell>", "exec"))
"""


def run(folder: Path, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, input=stdin, capture_output=True, text=True, timeout=120, check=False)


def test_import_hpo_loads_no_submodules(tmp_path: Path) -> None:
    done = run(tmp_path, "-c", "import hpo, sys; print([name for name in sys.modules if name.startswith('hpo')])")
    assert done.stdout == "['hpo']\n", done.stderr


@pytest.mark.thorough
@pytest.mark.fresh
@pytest.mark.parametrize("text", [BARE, GUARDED], ids=["bare", "guarded"])
def test_a_script_is_searched_by_workers_that_load_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "script.py").write_text(text)
    done = run(tmp_path, "script.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["parabola 12 12 True []", "the end"]  # once each: no worker begins a search
    assert "study parabola (new) in sqlite:///" in done.stderr
    assert "the same call goes on" in done.stderr
    again = run(tmp_path, "script.py")
    assert (again.returncode, again.stdout) == (0, done.stdout), again.stderr


@pytest.mark.thorough
def test_a_notebook_cell_is_searched_in_its_own_process(tmp_path: Path) -> None:
    done = run(tmp_path, "-", stdin=NOTEBOOK)
    assert done.stdout == "objective 6\n", done.stderr
    assert "no other process can load it: one worker runs it in this process" in done.stderr
    assert "UsageError: objective has no name in a module or a file" in done.stderr
    assert "and workers=2 asks for others: put it into a file, tune.py" in done.stderr
    assert "6/6 done" in done.stderr


def closed_over(power: int) -> Any:
    """An objective that only this process has."""

    def objective(trial: Any) -> float:
        if trial.number == 2:
            raise ValueError("no luck")
        return float((trial.suggest_float("x", -4.0, 4.0) - 1) ** power)

    return objective


def searched(url: str, objective: Any, **options: Any) -> hpo.Study:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HpoWarning)
        return hpo.optimize(objective, storage=url, progress=False, **{"direction": "minimize", "seed": 1, **options})


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'hpo.db'}"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> hpo.Study:
    """Ten trials of one parameter."""
    return searched(f"sqlite:///{tmp_path_factory.mktemp('study') / 'hpo.db'}", closed_over(2), trials=10)


def test_study_best_is_the_best_of_its_trials(study: hpo.Study) -> None:
    complete = [trial for trial in study.trials if trial.state == "complete"]
    best = min(complete, key=lambda trial: trial.value or 0.0)
    assert (study.best.number, study.best.value, study.best.params) == (best.number, best.value, best.params)
    assert (study.best.metric, study.best.trainings, study.best.values) == ("value", 1, ())
    assert study.optuna.best_value == study.best.value
    with pytest.raises(DefinitionError, match="is an Optuna objective, of which hpo knows neither data nor models"):
        study.best.model()


def test_trials_dataframe_has_optunas_columns(study: hpo.Study) -> None:
    theirs = study.optuna.trials_dataframe().rename(columns={"value_value": "value"})  # the metric's name is value
    ours = study.trials_dataframe()
    assert [name for name in theirs if not name.startswith("system_attrs_") and name not in ours] == []
    assert list(ours.columns[:2]) == ["number", "value"]
    for name in ("number", "value", "params_x", "state", "user_attrs_seed"):
        assert ours[name].equals(theirs[name]) or (ours[name].dropna() == theirs[name].dropna()).all(), name
    assert ours["state"].value_counts().to_dict() == {"COMPLETE": 9, "FAIL": 1}
    assert ours["duration"].min().total_seconds() > 0
    assert ours["user_attrs_reason"].dropna().tolist() == ["ValueError: no luck"]


def test_trials_dataframe_without_pandas_names_what_to_install(
    study: hpo.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(HpoError, match=r"a data frame needs pandas: pip install pandas, or use Study\.trials"):
        study.trials_dataframe()


def test_trials_dataframe_has_a_column_for_each_objective(url: str) -> None:
    def front(trial: Any) -> tuple[float, float]:
        x = trial.suggest_float("x", 0.0, 1.0)
        return x, 1 - x

    found = searched(url, front, trials=4, direction=["minimize", "maximize"])
    table, theirs = found.trials_dataframe(), found.optuna.trials_dataframe()
    for name in ("values_value_0", "values_value_1"):
        assert table[name].tolist() == theirs[name].tolist()
    assert found.best.values == (table["values_value_0"].min(), table["values_value_1"].max())


@pytest.mark.thorough
def test_a_study_writes_its_report_and_figures(study: hpo.Study, tmp_path: Path) -> None:
    assert study.report(str(tmp_path / "page.html"), dashboard=False) == tmp_path / "page.html"
    assert "objective" in (tmp_path / "page.html").read_text(encoding="utf-8")
    figures = study.figures()
    assert figures["history"].layout.title.text
    assert len(figures["history"].data) >= 2


def test_a_study_is_loaded_stopped_and_resumed(study: hpo.Study) -> None:
    url = study._url
    again = hpo.load("objective", storage=url)
    assert (again.name, again.best, repr(again)) == (study.name, study.best, repr(study))
    assert again.stop(why="enough").state == "done"
    assert again.status.stopped_why == "enough"
    with pytest.raises(StudyError, match=r"was stopped by .*enough"):
        searched(url, closed_over(2), trials=11)
    assert again.resume().stopped_at is None
    assert again.wait(progress=False).settled == 10
    with pytest.raises(StudyError, match="there is no study 'other'"):
        hpo.load("other", storage=url)
    with pytest.raises(HpoError, match="objective"):  # which has no hand-picked configuration
        again.compare(progress=False)


@pytest.mark.thorough
def test_a_run_in_this_process_ends_early_on_until_or_failing_trials(url: str) -> None:
    good = searched(url, lambda trial: float(trial.number), trials=2_000, until=0.0, name="good")
    assert good.status.settled < 2_000
    ran: list[int] = []

    def fails(trial: Any) -> float:
        ran.append(trial.number)
        raise ValueError("always")

    with pytest.raises(StudyError, match=r"its first \d+ trials all failed, the last with: ValueError: always"):
        searched(url, fails, trials=2_000, name="fails")
    assert len(ran) < 2_000


@pytest.mark.thorough
def test_ctrl_c_releases_the_trial_and_the_same_call_resumes(url: str) -> None:
    pressed: list[bool] = []

    def objective(trial: Any) -> float:
        if trial.number == 1 and not pressed:
            pressed.append(True)
            raise KeyboardInterrupt
        return trial.suggest_float("x", 0.0, 1.0)

    with pytest.raises(KeyboardInterrupt):
        searched(url, objective, trials=3)
    found = searched(url, objective, trials=3)
    assert found.status.complete == 3
    with closing(storage.open(url)) as opened:
        assert [slot.tries for slot in Slots(opened).list(found.name)] == [1, 1, 1]


def test_a_search_left_to_a_fleet_is_waited_for(url: str) -> None:
    found = hpo.optimize(
        f"{Path(__file__).with_name('own.py')}:seeded", trials=4, workers=0, wait=False, storage=url, seed=1
    )
    assert found.status.state == "waiting"
    with closing(storage.open(url)) as opened:
        assert Server(opened, found.name).run() == "drained"
    assert found.wait(progress=False).state == "done"
    assert found.best.baseline is not None
