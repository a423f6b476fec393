"""The spaces of the two definitions, and what fits in them."""

import json

import pytest

from hpo.study import Params, StudyDefinition
from hpo.training import decoupled
from studies.cnn import study as cnn
from studies.dnn import study as dnn
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


def test_the_report_spaces_have_the_products_of_their_choices_as_size() -> None:
    assert cnn.space("report").size == 3 * 6 * 7 * 5 * 7 * 3 * 5 * 3
    assert fcnn.space("report").size == 6 * 7 * 6 * 2 * 5 * 6 * 5


STRONG = {  # two padded 3x3 convolutions of 32 and 64, to 0.9248 on the test rows at `full`
    "conv_layers": 2,
    "convolutions": 1,
    "kernel_size": 3,
    "padding": "same",
    "filters": 32,
    "filters_2": 64,
    "batch_norm": True,
    "hidden_units": 128,
    "dropout": 0.3,
    "optimizer": "adamw",
    "decay": decoupled(0.004, 0.004, batch_size=128, momentum=None)[1],
    "adaptive_rate": decoupled(0.004, batch_size=128, momentum=None)[0],
    "schedule": "one-cycle",
    "batch_size": 128,
    "average": 0.0,
    "label_smoothing": 0.0,
    "augmentation": "flip",
}
STRONGER = {  # the same with what airbench has, arXiv 2404.00498
    **{name: value for name, value in STRONG.items() if name != "adaptive_rate"},
    "convolutions": 2,
    "optimizer": "sgd",
    "momentum": 0.85,
    "nesterov": True,
    "decay": 0.0153,
    "sgd_rate": 10.0,
    "schedule": "triangular",
    "batch_size": 512,
    "average": 0.25,
    "label_smoothing": 0.2,
    "augmentation": "alternating-flip-shift",
}


@pytest.mark.parametrize("params", [STRONG, STRONGER], ids=["strong", "stronger"])
def test_space_wide_contains_strong_configurations(params: Params) -> None:
    assert cnn.space("wide").problem(params) is None
    assert cnn.infeasible(params) is None


def test_a_strong_configuration_is_built_with_its_settings() -> None:
    recipe = cnn.build(STRONG)
    assert float(recipe.optimizer.learning_rate) == pytest.approx(0.004)
    assert recipe.optimizer.weight_decay == pytest.approx(0.004)
    stronger = cnn.build(STRONGER)
    assert (stronger.optimizer.momentum, stronger.optimizer.nesterov) == (0.85, True)
    assert float(stronger.optimizer.learning_rate) == pytest.approx(10 * 0.5 * 0.15)
    assert (stronger.average, stronger.loss.label_smoothing) == (0.25, 0.2)  # type: ignore[union-attr]
    kernels = [layer.filters for layer in stronger.model.layers if hasattr(layer, "filters")]
    assert kernels == [32, 32, 64, 64]
    names = [type(layer).__name__ for layer in stronger.model.layers[1:8]]
    assert names == ["Conv2D", "BatchNormalization", "ReLU", "Conv2D", "BatchNormalization", "MaxPooling2D", "ReLU"]


@pytest.mark.parametrize("study", [cnn, fcnn, dnn], ids=lambda s: s.name)
def test_wide_holds_every_baseline(study: StudyDefinition) -> None:
    assert study.baselines
    for baseline in study.baselines:
        assert study.space("wide").problem(baseline.params_in("wide")) is None


def test_two_unpadded_convolutions_per_block_shrink_the_image_twice() -> None:
    params = {**STRONGER, "padding": "valid", "kernel_size": 4}
    assert cnn.infeasible(params) is None  # 28 -> 22 -> 11 -> 5 -> 2
    assert cnn.infeasible({**params, "conv_layers": 3, "filters_3": 64}) is not None
    assert cnn.infeasible({**params, "conv_layers": 3, "filters_3": 64, "convolutions": 1, "kernel_size": 3}) is None


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
def test_kernels_too_large_for_the_image_are_infeasible(layers: int, kernel: int, padding: str, feasible: bool) -> None:
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
