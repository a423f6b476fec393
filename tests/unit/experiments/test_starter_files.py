"""What `hpo init` writes: it loads and is what was asked for, and nothing that is there is touched."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.cli import main
from hpo.errors import UsageError
from hpo.experiments.starter_files import write_starter
from hpo.experiments.starter_record import Starter, param
from hpo.study import Categorical, Float, Int, registry
from hpo.study.plain_objective import PlainObjective


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(ref: str) -> PlainObjective:
    objective = registry.find(ref)
    assert isinstance(objective, PlainObjective)
    return objective


def test_each_kind_of_starter_file_loads_as_its_kind(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "tune.py"]) == 0
    told = capsys.readouterr()
    assert (told.out, told.err) == ("written: tune.py\n", "next: hpo optimize tune.py:objective --trials 30\n")
    objective = found("tune.py:objective")
    assert (objective.name, objective.direction, objective.metric, objective.seeds) == (
        "tune",
        "minimize",
        "loss",
        True,
    )
    assert main(["init", "train.toml"]) == 0
    assert capsys.readouterr().out == "written: train.toml\nwritten: train.py\n"
    program = found("train.toml")
    assert (program.direction, program.metric, program.seeds) == ("minimize", "loss", True)
    assert list(program.space().params) == ["rate", "layers", "optimizer"]
    assert program.baseline("by hand").params == {"rate": 1e-4, "layers": 1, "optimizer": "sgd"}
    assert main(["init", "net.py", "--kind", "definition"]) == 0
    assert registry.load("net.py:study").baselines


def test_init_options_set_the_search_space_and_direction(folder: Path) -> None:
    words = ["--direction", "maximize", "--metric", "score", "--param", "x=0:1.0:0.25", "--param", "kind=a,3,true"]
    assert main(["init", "t.toml", "--command", "./train --fast", *words]) == 0
    program = found("t.toml")
    assert not (folder / "t.py").exists()
    assert (program.direction, program.metric, program.seeds) == ("maximize", "score", False)
    assert program.space().params == {
        "x": Float(low=0, high=1, step=0.25),
        "kind": Categorical(choices=("a", 3, True)),
    }
    assert program.program is not None
    assert program.program.command == ("./train", "--fast", "{params}")
    assert main(["init", "t.py", *words]) == 0
    assert found("t.py:objective").baseline().params == {"x": 0.0, "kind": "a"}


def test_init_asks_questions_at_a_terminal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    answers = ["objective", "maximize", "score", "x=1:8", "rate=1e-3:1:log", ""]
    monkeypatch.setattr(sys, "stdin", Terminal("\n".join(answers) + "\n"))
    assert main(["init", "asked.py"]) == 0
    objective = found("asked.py:objective")
    assert (objective.direction, objective.metric) == ("maximize", "score")
    assert objective.baseline().params == {"x": 1, "rate": 1e-3}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["there.py"], "there.py is there already, and is left as it is"),
        (["there.toml"], "there.py is there already, and is left as it is"),
        (["a.yaml"], "name it a.toml"),
        (["a.txt"], "is to end in .py, for an objective or a definition, or in .toml"),
        (["a.toml", "--kind", "objective"], "an objective is written to a file that ends in .py"),
        (["a.py", "--kind", "command"], "a command is written to a file that ends in .toml"),
        (["a.py", "--command", "x"], "--command is of a program's file"),
        (["a.py", "--kind", "definition", "--metric", "x"], "stand in its code"),
        (["a.py", "--param", "x"], "'x' is no parameter: write it as in rate=1e-4:0.1:log"),
        (["a.py", "--param", "x=3:1"], "is no parameter (an Int needs low <= high"),
        (["a.py", "--param", "x=a:b"], "is no parameter"),
        (["a.py", "--param", "trial=1:2"], "a parameter cannot be called 'trial' here"),
        (["a.toml", "--param", "seed=1:2"], "a parameter cannot be called 'seed' here"),
        (["a.toml", "--param", "a-b=1:2"], "a parameter cannot be called 'a-b' here"),
        (["none/a.py"], "there is no folder"),
    ],
)
def test_a_refused_init_writes_nothing(
    folder: Path, words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "there.py").write_text("mine")
    before = sorted(folder.iterdir())
    assert main(["init", *words]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert why in told
    assert sorted(folder.iterdir()) == before
    assert (folder / "there.py").read_text() == "mine"


NUMBERS = st.integers(-1000, 1000) | st.floats(-1e6, 1e6)
DOMAINS = st.one_of(
    st.tuples(NUMBERS, NUMBERS).map(lambda ends: ":".join(map(repr, sorted(ends)))),
    st.tuples(st.integers(1, 9), st.integers(10, 99)).map(lambda ends: f"{ends[0]}:{ends[1]}:log"),
    st.lists(st.from_regex(r"[a-z]{1,4}", fullmatch=True), min_size=1, max_size=4, unique=True).map(",".join),
)


@pytest.mark.thorough
@given(st.dictionaries(st.from_regex(r"p[a-z_]{0,5}x", fullmatch=True), DOMAINS, min_size=1, max_size=4))
def test_starter_files_define_the_parameters_as_typed(
    tmp_path_factory: pytest.TempPathFactory, typed: dict[str, str]
) -> None:
    params = dict(param(f"{name}={values}") for name, values in typed.items())
    folder = tmp_path_factory.mktemp("started")
    write_starter(folder / "train.toml", Starter(kind="command", params=params))
    write_starter(folder / "tune.py", Starter(kind="objective", params=params))
    program = found(str(folder / "train.toml"))
    assert program.space().params == params
    assert found(f"{folder / 'tune.py'}:objective").baseline().params == program.baseline().params
    compile((folder / "train.py").read_text(), "train.py", "exec")


def test_parameter_ranges_are_parsed_from_the_command_line() -> None:
    assert param("layers = 1:6") == ("layers", Int(low=1, high=6))
    assert param("units=8:64:8") == ("units", Int(low=8, high=64, step=8))
    assert param("rate=1e-4:0.1:log") == ("rate", Float(low=1e-4, high=0.1, log=True))
    with pytest.raises(UsageError, match="kind must be one of"):
        Starter(kind="else")  # type: ignore[arg-type]


def test_a_starter_objective_runs_in_plain_optuna(folder: Path) -> None:
    import optuna

    write_starter(Path("tune.py"), Starter(kind="objective"))
    study = optuna.create_study()
    function: Any = found("tune.py:objective").function
    study.optimize(function, n_trials=3)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 3
    assert json.dumps(study.best_params)
