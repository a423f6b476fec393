"""The record of a definition: what a field takes, and what is refused before there is a study of it."""

import math
from dataclasses import replace
from typing import Any

import pytest

from hpo.errors import DefinitionError
from hpo.study import (
    Baseline,
    Fidelity,
    Float,
    Holdout,
    KFold,
    OwnMetric,
    Row,
    Space,
    StudyDefinition,
    Sweep,
    ValidationData,
)

SPACE = Space(name="small", params={"x": Float(low=0, high=1)})
QUICK = Fidelity(name="quick", epochs=1)
ROWS, STEPS = Fidelity(name="rows", epochs=1, rows=9), Fidelity(name="steps", epochs=1, steps=9)
HAND = Baseline(name="hand", title="", params={"x": 0.5})
TABLE = Sweep(id="t", title="", base={"x": 0.5}, rows=(Row(setting={"x": 0.1}),), chosen=0)


def define(**fields: Any) -> StudyDefinition:
    given: dict[str, Any] = {
        "name": "toy", "title": "Toy", "data": lambda: None, "build": lambda _: None, "metric": "mae",
        "direction": "minimize", "spaces": (SPACE,), "evaluation": Holdout(rows=1), "fidelities": (QUICK,),
    }  # fmt: skip
    return StudyDefinition(**given | fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"metric": "mae", "direction": "maximize"}, "mae is better the lower it is, so its direction is minimize"),
        ({"metric": "MSE", "direction": "maximize"}, "MSE is better the lower it is"),
        ({"metric": "accuracy"}, "accuracy is better the higher it is, so its direction is maximize, not minimize"),
        ({"metric": "Acc"}, "acc is better the higher it is"),
        ({"metric": "binary_crossentropy", "direction": "maximize"}, "better the lower it is"),
        ({"direction": None}, "direction must be one of maximize, minimize, not None"),
        ({"direction": ["maximize"]}, "direction must be one of maximize, minimize, not ['maximize']"),
        ({"metric": None}, "metric must be a text that is not empty, not None"),
        ({"metric": ""}, "metric must be a text that is not empty, not ''"),
        ({"metric": len}, "metric is a name, not a function: give metric='len' and score=len, a function of all"),
        ({"metric": "gini", "score": 1}, "score must be a function, not 1"),
        ({"metric": "mae", "score": max}, "metric 'mae' is one of Keras's, and score is a function of one's own"),
        ({"metric": "log loss"}, "metric 'log loss' is unknown: did you mean BinaryCrossentropy, Categorical"),
        ({"metric": "rmse"}, "metric 'rmse' is unknown: did you mean RootMeanSquaredError?"),
        ({"metric": "roc_auc"}, "metric 'roc_auc' is unknown: did you mean AUC?"),
        ({"metric": "profit"}, "metric 'profit' is unknown: use accuracy, a Keras metric such as mae, or give score="),
        ({"metric": "MeanIoU"}, "Keras's metric 'MeanIoU' has to be told a number first"),
        ({"metric": "mean_io_u"}, "Keras's metric 'mean_io_u' has to be told a number first"),
        ({"name": None}, "a definition's name must be a text that is not empty, not None"),
        ({"name": " "}, "a definition's name must be a text that is not empty, not ' '"),
        ({"title": 3}, "title must be a text, not 3"),
        ({"unit": None}, "unit must be a text, not None"),
        ({"source": ""}, "source must be a text that is not empty"),
        ({"evaluation": None}, "TimeSeriesSplit, an OwnSplits or a ValidationData, not None"),
        ({"evaluation": KFold}, "TimeSeriesSplit, an OwnSplits or a ValidationData, not <class"),
        ({"evaluation": 0.2}, "TimeSeriesSplit, an OwnSplits or a ValidationData, not 0.2"),
        ({"spaces": SPACE}, "spaces must be a tuple, not one Space alone: write (…,)"),
        ({"fidelities": QUICK}, "fidelities must be a tuple, not one Fidelity alone: write (…,)"),
        ({"baselines": HAND}, "baselines must be a tuple, not one Baseline alone: write (…,)"),
        ({"sweeps": TABLE}, "sweeps must be a tuple, not one Sweep alone: write (…,)"),
        ({"spaces": {"small": SPACE}}, "spaces must be a tuple of Space records, not {'small'"),
        ({"spaces": None}, "spaces must be a tuple of Space records, not None"),
        ({"spaces": ()}, "needs at least one space"),
        ({"fidelities": ("quick",)}, "fidelities must be Fidelity records, and one is 'quick'"),
        ({"baselines": ({"x": 1},)}, "baselines must be Baseline records, and one is {'x': 1}"),
        ({"layered": "t"}, "layered must be a tuple, not 't' alone: write ('t',)"),
        ({"data": None}, "data must be a function, not None"),
        (
            {"evaluation": ValidationData(), "fidelities": (ROWS,)},
            "fidelity 'rows' has rows, and the evaluation, a Valid",
        ),
        (
            {"fidelities": (STEPS,)},
            "fidelity 'steps' has steps, and the evaluation, a Holdout, is one of rows: give epo",
        ),
        ({"evaluation": ValidationData(), "labels": 3}, "labels is for data in rows, and the evaluation is Validation"),
        ({"data": (1, 2)}, "data must be a function, not (1, 2)"),
        ({"build": "model"}, "build must be a function, not 'model'"),
        ({"infeasible": None}, "infeasible must be a function, not None"),
        ({"pretrain": 1}, "pretrain must be a function, not 1"),
        ({"probe_rows": 1.5}, "probe_rows must be a whole number, not 1.5"),
        ({"labels": True}, "labels must be a whole number, not True"),
        ({"margin": math.inf}, "margin must be a finite number, not inf"),
        ({"margin": "1"}, "margin must be a finite number, not '1'"),
    ],
)
def test_an_invalid_field_of_a_definition_is_refused_by_name(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        define(**fields)
    assert words in str(caught.value)
    assert "name" in fields or str(caught.value).startswith("definition 'toy'")
    assert "\n" not in str(caught.value)


def test_lists_of_records_are_taken_as_tuples() -> None:
    lists = define(spaces=[SPACE], fidelities=[QUICK], baselines=[HAND], sweeps=[TABLE], layered=["t"])
    tuples = define(spaces=(SPACE,), fidelities=(QUICK,), baselines=(HAND,), sweeps=(TABLE,), layered=("t",))
    assert repr((lists.spaces, lists.fidelities, lists.baselines, lists.sweeps, lists.layered)) == repr(
        (tuples.spaces, tuples.fidelities, tuples.baselines, tuples.sweeps, tuples.layered)
    )
    assert lists.version == tuples.version


@pytest.mark.parametrize("metric", ["Accuracy", "ACCURACY", "accuracy"])
def test_accuracy_in_capitals_is_accuracy(metric: str) -> None:
    assert define(metric=metric, direction="maximize").metric == "accuracy"


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_a_custom_metric_may_be_maximized_or_minimized(direction: str) -> None:
    assert define(metric="profit", score=_gini, direction=direction).direction == direction
    assert define(metric="mine>Profit", direction=direction).direction == direction  # one that is registered with Keras


def test_a_score_of_ones_own_is_what_a_training_is_scored_by_and_part_of_the_version() -> None:
    plain, own = define(), define(metric="gini", score=_gini)
    assert plain.scored_by == "mae"
    assert own.scored_by == OwnMetric(name="gini", function=_gini, direction="minimize")
    assert own.version != replace(own, direction="maximize").version


def _gini(y: Any, outputs: Any) -> float:
    return float(abs(y - outputs).mean())
