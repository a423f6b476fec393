"""docs/techniques.md tells the truth: its parameters, tests and rows of sweeps are there, and none is missing."""

import ast
import functools
import json
import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from hpo.study import Categorical, ParamValue, StudyDefinition
from studies import transfer
from studies.dnn import study
from studies.dnn.model import build
from studies.dnn.sweeps import DEPTHS

PROJECT = Path(__file__).parents[3]
PLAIN = {"none", False}  # a choice that turns nothing on
SIZES = {"hidden_layers", "learning_rate"}  # numbers that are no techniques

NAMED = (
    "Glorot initialization, normal",
    "Glorot initialization, uniform",
    "He initialization, normal",
    "He initialization, uniform",
    "LeCun initialization, normal",
    "VarianceScaling, He with the average of both fans",
    "Naive initialization",
    "ReLU",
    "Leaky ReLU",
    "PReLU",
    "ELU",
    "SELU",
    "Batch normalization before the activation",
    "Batch normalization after the activation",
    "Batch normalization of the inputs",
    "No bias before batch normalization",
    "Gradient clipping by value",
    "Gradient clipping by norm",
    "Momentum",
    "Nesterov",
    "AdaGrad",
    "RMSProp",
    "Adam",
    "Nadam",
    "Power scheduling",
    "Exponential scheduling",
    "Piecewise constant scheduling",
    "Performance scheduling",
    "1cycle, with its momentum",
    "Early stopping",
    "L1",
    "L2",
    "L1 and L2",
    "Dropout",
    "Dropout of the inputs",
    "Alpha dropout",
    "MC dropout",
    "Max-norm",
    "Inputs standardized",
    "Sparse models",
    "Fewer layers",
    "Folding batch normalization",
    "A faster activation",
    "Reusing pretrained layers",
    "Freezing the reused layers",
    "Unfreezing all of them",
    "Unfreezing the top one",
    "A lower rate once unfrozen",
    "Unsupervised pretraining, an autoencoder",
    "Pretraining on an auxiliary task, rotation",
)
"""What the chapter names."""

STUDIES = (study, transfer.study)


@dataclass(frozen=True, kw_only=True)
class Technique:
    """One row of the tables."""

    name: str
    parameters: dict[str, ParamValue]  # of a space `chapter`
    functions: tuple[str, ...]  # for what is done to a trained model
    tests: tuple[str, ...]  # path::function
    rows: tuple[tuple[str, int], ...]  # sweep without its depth, row from 1


def _techniques() -> list[Technique]:
    text = (PROJECT / "docs" / "techniques.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if re.match(r"\| [^|]+ \| `(\w+=|hpo\.)", line)]
    return [_technique([cell.strip() for cell in line.strip("|").split("|")]) for line in lines]


def _technique(cells: list[str]) -> Technique:
    name, how, tests, rows = cells
    ways = re.findall(r"`([^`]+)`", how)
    return Technique(
        name=name,
        parameters={way.partition("=")[0]: _value(way.partition("=")[2]) for way in ways if "=" in way},
        functions=tuple(way for way in ways if "=" not in way),
        tests=tuple(re.findall(r"`([^`]+)`", tests)),
        rows=tuple((sweep, int(row)) for sweep, row in re.findall(r"`([^`]+)` (\d+)", rows)),
    )


def _value(text: str) -> Any:
    """What is written behind an equals sign: a number or a truth value, or else a word."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


TECHNIQUES = _techniques()
each = pytest.mark.parametrize("technique", TECHNIQUES, ids=lambda technique: technique.name)


def test_every_technique_of_the_chapter_has_its_own_row_in_the_docs() -> None:
    names = [technique.name for technique in TECHNIQUES]
    assert len(set(names)) == len(names)
    assert set(NAMED) <= set(names)


@each
def test_the_parameters_and_functions_of_each_technique_exist(technique: Technique) -> None:
    assert technique.parameters or technique.functions
    for name, value in technique.parameters.items():
        assert any(_takes(its, name, value) for its in STUDIES)
    for function in technique.functions:
        module, _, attribute = function.rpartition(".")
        assert callable(getattr(import_module(module), attribute))


def _takes(its: StudyDefinition, name: str, value: ParamValue) -> bool:
    params = its.space("chapter").params
    return name in params and params[name].contains(value)


@each
def test_the_tests_named_for_each_technique_exist_and_run(technique: Technique) -> None:
    assert technique.tests
    for test in technique.tests:
        path, _, function = test.partition("::")
        decorators = _functions(PROJECT / path).get(function)
        assert decorators is not None, test
        assert not re.search(r"skip|xfail|slow", decorators), test


@each
def test_each_technique_is_measured_by_its_named_sweep_rows(technique: Technique) -> None:
    assert technique.rows
    for name, number in technique.rows:
        sweeps = {sweep.id: sweep for its in STUDIES for sweep in its.sweeps}
        found = [sweeps[name]] if name in sweeps else [sweeps[f"{name}-{depth}"] for depth in DEPTHS]
        for sweep in found:
            configuration = sweep.configuration(sweep.rows[number - 1])
            assert technique.parameters.items() <= configuration.items()


def test_every_choice_of_space_chapter_is_listed_in_the_docs() -> None:
    told = {(name, value) for technique in TECHNIQUES for name, value in technique.parameters.items()}
    dropped = {"dropout", "frozen_epochs", "frozen_rate"}  # one number stands for all of them
    missing = [
        f"{name}={choice}"
        for its in STUDIES
        for name, domain in its.space("chapter").params.items()
        if isinstance(domain, Categorical) and name not in SIZES | dropped | {"l1", "l2"}
        for choice in domain.choices
        if choice not in PLAIN and (name, choice) not in told
    ]
    assert not missing


def test_a_wrong_technique_row_fails_the_checks() -> None:
    """The reading of the tables finds what is wrong in one."""
    wrong = _technique(["Magic", "`activation=magic`", "`tests/unit/none.py::test_it`", "`activation-guideline` 1"])
    with pytest.raises(AssertionError):
        test_the_parameters_and_functions_of_each_technique_exist(wrong)
    with pytest.raises((AssertionError, FileNotFoundError)):
        test_the_tests_named_for_each_technique_exist_and_run(wrong)
    with pytest.raises(AssertionError):
        test_each_technique_is_measured_by_its_named_sweep_rows(wrong)


def test_rows_for_mc_dropout_and_folding_have_the_layers_they_need() -> None:
    """MC dropout needs dropout, folding batch normalization: the rows named have them."""
    sweeps = {sweep.id: sweep for sweep in study.sweeps}
    needed = {"MC dropout": "Dropout", "Folding batch normalization": "BatchNormalization"}
    for technique in TECHNIQUES:
        if technique.name in needed:
            for name, number in technique.rows:
                sweep = sweeps[f"{name}-{DEPTHS[0]}"]
                model = build(sweep.configuration(sweep.rows[number - 1])).model
                assert needed[technique.name] in {type(layer).__name__ for layer in model.layers}


@functools.cache
def _functions(path: Path) -> dict[str, str]:
    """The functions of a file -> the text of their decorators."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.name: " ".join(ast.unparse(decorator) for decorator in node.decorator_list)
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }
