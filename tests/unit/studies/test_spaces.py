"""The spaces of the two definitions, and what fits in them."""

import json

import pytest

from hpo.study import StudyDefinition
from studies.cnn import study as cnn
from studies.fcnn import study as fcnn
from studies.fcnn.model import activations


@pytest.mark.parametrize("study", [cnn, fcnn], ids=lambda s: s.name)
def test_the_report_space_holds_exactly_the_values_of_the_tables(study: StudyDefinition) -> None:
    space = study.space("report")
    in_tables = {
        name: {sweep.configuration(row)[name] for sweep in study.sweeps for row in sweep.rows} for name in space.params
    }
    searched = {name: set(domain["choices"]) for name, domain in space.to_json().items()}  # type: ignore[call-overload]
    assert searched == in_tables


def test_sizes_of_the_report_spaces() -> None:
    assert cnn.space("report").size == 3 * 6 * 7 * 5 * 7 * 3 * 5 * 3
    assert fcnn.space("report").size == 6 * 7 * 6 * 2 * 5 * 6 * 5


@pytest.mark.parametrize(
    ("layers", "kernel", "padding", "feasible"),
    [
        (3, 3, "valid", True),
        (3, 4, "valid", False),
        (3, 9, "valid", False),
        (2, 9, "valid", True),
        (1, 9, "valid", True),
        (3, 6, "same", True),
    ],
)
def test_kernels_that_eat_the_image_are_infeasible(layers: int, kernel: int, padding: str, feasible: bool) -> None:
    params = {**cnn.baseline().params, "conv_layers": layers, "kernel_size": kernel, "padding": padding}
    reason = cnn.infeasible(params)
    assert (reason is None) == feasible
    if reason:
        assert f"{kernel}x{kernel}" in reason


def test_mixed_activations_stretch_to_other_depths() -> None:
    assert activations("tanh-relu", 4) == ["tanh", "tanh", "relu", "relu"]
    assert activations("sigmoid-relu", 5) == ["sigmoid"] * 3 + ["relu"] * 2
    assert activations("sigmoid-relu", 1) == ["sigmoid"]
    assert activations("selu", 3) == ["selu"] * 3


@pytest.mark.parametrize("study", [cnn, fcnn], ids=lambda s: s.name)
def test_the_definition_can_be_printed_as_json(study: StudyDefinition) -> None:
    printed = json.loads(json.dumps({space.name: space.to_json() for space in study.spaces}))
    assert set(printed) == {"report", "wide"}
    assert printed["wide"]["decay_rate"]["when"] == {"schedule": ["exponential"]}
