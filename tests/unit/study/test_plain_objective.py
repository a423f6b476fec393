"""Functions of an Optuna trial as what can be searched: what they say of themselves, and what is refused."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

import hpo
from hpo.errors import DefinitionError, UsageError
from hpo.study import Baseline, Float, StudyDefinition, registry
from hpo.study.objectives import further, kept, wanted
from hpo.study.open_space import DefineByRun
from hpo.study.plain_objective import PlainObjective

BARE = "def objective(trial):\n    '''Minds a parabola.\n\n    More.'''\n    return trial.suggest_float('x', 0, 1)\n"
DECORATED = """
import hpo

@hpo.tunable(
    direction="maximize", metric="score", name="mine", unit="points", baselines={"hand": {"x": 0.5}}, seeds=True
)
def objective(trial):
    return trial.suggest_float("x", 0, 1)
"""

SHY = """
class Shy:
    def __getattr__(self, name): raise ValueError("never")
objective = Shy()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tune.py"


def found(file: Path, text: str, name: str = "objective", **options: Any) -> PlainObjective:
    file.write_text(text)
    objective = registry.find(f"{file}:{name}", **options)
    assert isinstance(objective, PlainObjective)
    return objective


def test_a_bare_function_is_an_objective_without_direction(file: Path) -> None:
    objective = found(file, BARE)
    assert (objective.name, objective.title, objective.metric) == ("objective", "Minds a parabola.", "value")
    assert (objective.directions, objective.baselines, objective.seeds) == ((), (), False)
    with pytest.raises(UsageError, match=r"objective does not say .* --direction maximize or --direction minimize"):
        _ = objective.direction
    assert found(file, BARE, directions=("minimize",)).direction == "minimize"
    several = found(file, BARE, directions=("minimize", "maximize"))
    assert several.named_metrics == ("value_0", "value_1")


def test_a_decorated_objective_stays_a_function_with_its_settings(file: Path) -> None:
    objective = found(file, DECORATED)
    assert (objective.name, objective.metric, objective.unit) == ("mine", "score", "points")
    assert (objective.direction, objective.seeds) == ("maximize", True)
    assert objective.baseline("hand").params == {"x": 0.5}
    assert objective.function(optuna.trial.FixedTrial({"x": 0.25})) == 0.25
    assert registry.find(objective) is objective
    with pytest.raises(UsageError, match="says itself that it is to maximize, not to minimize"):
        found(file, DECORATED, directions=("minimize",))


def test_callable_objects_partials_and_records_are_objectives(file: Path) -> None:
    assert (
        found(file, "class Mind:\n    def __call__(self, trial):\n        return 1\nmind = Mind()\n", "mind").name
        == "mind"
    )
    text = "import functools\ndef f(rows, trial):\n    return rows\ng = functools.partial(f, 3)\n"
    assert found(file, text, "g").function(None) == 3
    text = "from hpo.study.plain_objective import PlainObjective\nstudy = PlainObjective(name='s', function=abs)\n"
    assert found(file, text, "study").name == "s"


def test_the_version_of_an_objective_follows_its_text_when_loaded(file: Path) -> None:
    first = found(file, BARE)
    version = first.version
    file.write_text(BARE.replace("0, 1", "0, 2"))
    assert first.version == version
    assert registry.version(f"{file}:objective") != version


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def objective(a, b):\n    return 1\n", "no objective, which takes one argument, the trial: missing"),
        ("def objective():\n    return 1\n", "no objective, which takes one argument, the trial: too many"),
        (SHY, "looking at .*tune.py:objective failed: .*tune.py:3: ValueError: never$"),
        (SHY.replace("objective", "other"), "has no 'objective'; it has neither"),
        ("class objective:\n    pass\n", "is a type, neither a StudyDefinition nor a function of an Optuna trial"),
        ("def mind(trial):\n    return 1\ndef other(x):\n    return x\n", r"has no 'objective'; it has: mind$"),
        (DECORATED.replace('"maximize"', '"up"'), "tune.py:4: objective 'mine': directions"),
        (DECORATED.replace('metric="score"', 'metric=("a", "b")'), "has 1 directions and 2 metrics"),
        (DECORATED.replace('metric="score"', 'metric="a,b"'), "neither comma nor colon, unlike 'a,b'"),
        (DECORATED.replace('{"x": 0.5}', '{"x": [1]}'), r"baseline 'hand' is no configuration: x must be a text"),
        (DECORATED.replace('{"x": 0.5}', "3"), "params must be a mapping"),
        (DECORATED.replace("seeds=True", "seeds=3"), "seeds must be True or False, not 3"),
    ],
)
def test_an_invalid_objective_is_refused_in_one_line(file: Path, text: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=message) as caught:
        found(file, text)
    assert "\n" not in str(caught.value)


def test_functions_that_need_a_definition_refuse_an_objective(file: Path) -> None:
    file.write_text(DECORATED)
    with pytest.raises(DefinitionError, match=r"is an Optuna objective, of which hpo knows neither .* StudyDefinition"):
        registry.load(f"{file}:objective")
    with pytest.raises(DefinitionError, match="is an Optuna objective"):
        hpo.objective(f"{file}:objective")


def test_metrics_or_baselines_of_the_same_name_are_refused() -> None:
    def made(**fields: Any) -> Callable[[], PlainObjective]:
        return lambda: PlainObjective(name="o", function=abs, directions=("minimize", "maximize"), **fields)

    twins = (Baseline(name="b", title="b", params={}),) * 2
    for make in (made(metrics=("a", "a")), made(baselines=twins)):
        with pytest.raises(DefinitionError, match=r"has two (metrics|baselines) of one name"):
            make()


def test_the_space_of_an_objective_takes_any_configuration_of_plain_values() -> None:
    space = DefineByRun()
    assert space.problem({"x": 1, "deep": True, "kind": None, "name": "a"}) is None
    assert space.size is None
    assert re.search("x must be", space.problem({"x": object()}) or "")
    assert re.search("a finite number", space.problem({"x": float("nan")}) or "")
    with pytest.raises(DefinitionError, match="declares no parameters"):
        DefineByRun(params={"x": Float(low=0, high=1)})


def test_several_objectives_survive_storage_as_text() -> None:
    assert kept(["loss"], ["minimize"]) is None
    assert kept(["accuracy", "latency"], ["maximize", "minimize"]) == "accuracy,latency"
    text = kept(["loss", "recall", "cost"], ["minimize", "maximize", "minimize"])
    assert text == "loss,recall:maximize,cost"
    assert further(text) == {"recall": "maximize", "cost": "minimize"}
    assert further(None) == {}
    assert wanted({"latency": "minimize", "parameters": "minimize"}) == "less latency and fewer parameters"
    assert wanted(further(text)) == "higher recall and lower cost"


def test_the_seed_follows_the_trial_and_is_stored_with_it() -> None:
    study = optuna.create_study()
    first, second = study.ask(), study.ask()
    assert hpo.seed(first) == hpo.seed(first) != hpo.seed(second)
    assert first.user_attrs["seed"] == hpo.seed(first)
    assert hpo.seed(optuna.trial.FixedTrial({}, number=first.number)) == hpo.seed(first)


def test_definitions_and_objectives_have_the_same_interface() -> None:
    from hpo.study.searchable import Searchable

    face = [name for name in vars(Searchable) if not name.startswith("_")]
    fields = StudyDefinition.__dataclass_fields__
    assert all(hasattr(PlainObjective, name) or name in PlainObjective.__dataclass_fields__ for name in face)
    assert all(hasattr(StudyDefinition, name) or name in fields for name in face)
