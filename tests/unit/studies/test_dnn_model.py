"""The networks of dnn, and how they are trained."""

from typing import Any

import numpy as np
import pytest
from drawn import configurations
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.study import Params
from hpo.training import coupled
from hpo.training.augmentation import alternating_flip
from studies.dnn import study
from studies.dnn.model import build
from studies.dnn.params import EXPONENTIAL_SHARE, POWER_SHARE, DnnParams
from studies.dnn.schedules import SCHEDULES, schedule
from studies.dnn.sweeps import guideline, self_normalizing

SMALL = {**guideline(2), "first_units": 8, "hidden_units": 4}
SELU = {**self_normalizing(2), "first_units": 8, "hidden_units": 4}


def layers(params: Params) -> list[Any]:
    return list(build(params).model.layers)


def kinds(params: Params) -> list[str]:
    return [type(layer).__name__ for layer in layers(params)]


def kernels(params: Params) -> list[Any]:
    return [layer for layer in layers(params) if type(layer).__name__ == "Dense"]


def test_the_guideline_network_has_the_chapters_layers() -> None:
    model = build(guideline(2)).model
    assert [dense.units for dense in kernels(guideline(2))] == [300, 100, 10]
    assert model.input_shape == (None, 28, 28, 1)
    trained = sum(weights.shape.num_elements() for weights in model.trainable_variables)
    assert trained == (784 + 1) * 300 + (300 + 1) * 100 + (100 + 1) * 10
    assert [dense.units for dense in kernels(guideline(20))] == [300, *[100] * 19, 10]


@pytest.mark.parametrize(
    ("place", "expected", "bias"),
    [
        ("none", ["Dense", "ELU"], True),
        ("before", ["Dense", "BatchNormalization", "ELU"], False),
        ("after", ["Dense", "ELU", "BatchNormalization"], True),
    ],
)
def test_batch_normalization_stands_where_asked_and_drops_an_idle_bias(
    place: str, expected: list[str], bias: bool
) -> None:
    params = {**SMALL, "batch_norm": place}
    assert kinds(params)[2:-1] == expected * 2
    assert [dense.use_bias for dense in kernels(params)] == [bias, bias, True]


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ("scaled", ["Rescaling", "Flatten"]),
        ("standardized", ["Normalization", "Flatten"]),
        ("batch_norm", ["Rescaling", "Flatten", "BatchNormalization"]),
    ],
)
def test_inputs_are_scaled_standardized_or_batch_normalized(inputs: str, expected: list[str]) -> None:
    assert kinds({**SMALL, "inputs": inputs})[: len(expected)] == expected


def test_a_self_normalizing_network_has_only_alpha_dropout() -> None:
    made = layers({**SELU, "dropout": 0.2, "input_dropout": 0.1, "lecun": "uniform"})
    assert [type(layer).__name__ for layer in made] == [
        "Normalization",
        "Flatten",
        "AlphaDropout",
        *["Dense", "Activation", "AlphaDropout"] * 2,
        "Dense",
    ]
    assert [made[2].rate, made[5].rate] == [0.1, 0.2]
    assert {type(dense.kernel_initializer).__name__ for dense in made if hasattr(dense, "units")} == {
        "LecunUniform",
        "GlorotUniform",  # of the output, a softmax
    }


def test_dropout_stands_behind_each_hidden_layer_and_the_inputs() -> None:
    made = layers({**SMALL, "dropout": 0.3, "input_dropout": 0.2})
    assert [layer.rate for layer in made if type(layer).__name__ == "Dropout"] == [0.2, 0.3, 0.3]
    assert type(made[-2]).__name__ == "Dropout"
    assert "Dropout" not in kinds(SMALL)


def test_slope_and_alpha_reach_the_activation_layer() -> None:
    assert layers({**SMALL, "activation": "leaky_relu", "slope": 0.2})[3].slope == 0.2
    assert layers({**SMALL, "activation": "elu", "alpha": 0.5})[3].alpha == 0.5
    assert type(layers({**SMALL, "activation": "prelu"})[3]).__name__ == "PReLU"


@pytest.mark.parametrize(
    ("name", "numbers", "expected"),
    [
        ("sgd", {}, {"momentum": 0.0, "nesterov": False}),
        ("momentum", {"momentum": 0.8}, {"momentum": 0.8, "nesterov": False}),
        ("nesterov", {}, {"momentum": 0.9, "nesterov": True}),
        ("adagrad", {}, {}),
        ("rmsprop", {"rho": 0.99}, {"rho": 0.99, "momentum": 0.0}),
        ("adam", {}, {"beta_1": 0.9, "beta_2": 0.999}),
        ("nadam", {"beta_1": 0.95}, {"beta_1": 0.95}),
        ("adamax", {"beta_2": 0.99}, {"beta_2": 0.99}),
        ("adadelta", {"rho": 0.9}, {"rho": 0.9}),
        ("adamw", {}, {"weight_decay": 0.004}),
    ],
)
def test_optimizers_are_built_with_their_parameters(
    name: str, numbers: dict[str, float], expected: dict[str, object]
) -> None:
    config = build({**SMALL, "optimizer": name, "learning_rate": 0.003, **numbers}).optimizer.get_config()
    assert config["learning_rate"] == pytest.approx(0.003)
    assert {key: config[key] for key in expected} == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "rate", "momentum"),
    [("sgd", "sgd_rate", 0.0), ("nesterov", "sgd_rate", 0.8), ("adamw", "adaptive_rate", None)],
)
def test_decoupled_rates_and_decay_reach_the_optimizer(name: str, rate: str, momentum: float | None) -> None:
    numbers = {"optimizer": name, "batch_size": 256, "momentum": 0.8, "decay": 0.01}
    params = {key: value for key, value in SMALL.items() if key != "learning_rate"}
    config = build({**params, **numbers, rate: 0.5}).optimizer.get_config()
    wanted = coupled(0.5, 0.01, batch_size=256, momentum=momentum)
    assert config["learning_rate"] == pytest.approx(wanted["learning_rate"])
    if name == "adamw":
        assert config["weight_decay"] == pytest.approx(wanted["weight_decay"])


def test_parameters_of_space_wide_reach_the_recipe() -> None:
    recipe = build({**SMALL, "average": 0.25, "label_smoothing": 0.2, "augmentation": "alternating-flip"})
    assert (recipe.average, recipe.loss.label_smoothing) == (0.25, 0.2)
    assert recipe.augment is alternating_flip


def test_techniques_turned_off_are_absent_from_the_recipe() -> None:
    recipe = build({**SMALL, "early_stopping": False})
    assert (recipe.clip, recipe.penalty, recipe.max_norm, recipe.stopping, recipe.watch) == (None,) * 4 + (0.0,)


def test_techniques_turned_on_reach_the_recipe_with_their_numbers() -> None:
    recipe = build(
        {
            **SMALL,
            "clipping": "global_norm",
            "clip_threshold": 0.5,
            "penalty": "l1_l2",
            "l1": 1e-4,
            "l2": 1e-3,
            "constraint": "max_norm",
            "max_norm": 2.0,
            "patience": 3,
            "batch_size": 64,
        }
    )
    assert recipe.clip is not None
    assert (recipe.clip.by, recipe.clip.threshold) == ("global_norm", 0.5)
    assert recipe.penalty is not None
    assert (recipe.penalty.l1, recipe.penalty.l2) == (1e-4, 1e-3)
    assert recipe.stopping is not None
    assert recipe.stopping.patience == 3
    assert (recipe.max_norm, recipe.batch_size, recipe.watch) == (2.0, 64, 0.1)


@pytest.mark.parametrize(("kind", "l1", "l2"), [("l1", 0.02, 0.0), ("l2", 0.0, 0.03), ("l1_l2", 0.02, 0.03)])
def test_penalties_have_the_requested_l1_and_l2(kind: str, l1: float, l2: float) -> None:
    penalty = build({**SMALL, "penalty": kind, "l1": 0.02, "l2": 0.03}).penalty
    assert penalty is not None
    assert (penalty.l1, penalty.l2) == (l1, l2)


def rates(name: str, steps: int, **numbers: Any) -> np.ndarray:
    return schedule(DnnParams(**{**SMALL, "schedule": name, **numbers})).rates(0.5, steps)


STEP = np.arange(900)


@pytest.mark.parametrize(
    ("name", "numbers", "expected"),
    [
        ("constant", {}, np.full(900, 0.5)),
        ("power", {}, 0.5 / (1 + STEP / (POWER_SHARE * 900))),
        ("power", {"power_share": 0.1}, 0.5 / (1 + STEP / 90)),
        ("exponential", {}, 0.5 * 0.1 ** (STEP / 600)),
        ("exponential", {"exponential_share": 1.0}, 0.5 * 0.1 ** (STEP / 900)),
        ("piecewise", {}, np.repeat([0.5, 0.05, 0.005], [301, 300, 299])),
        ("piecewise", {"drops": 1, "drop_factor": 0.2}, np.repeat([0.5, 0.1], [451, 449])),
        ("cosine", {}, 0.25 * (1 + np.cos(np.pi * STEP / 900))),
    ],
)
def test_schedules_follow_their_formulas(name: str, numbers: dict[str, float], expected: np.ndarray) -> None:
    np.testing.assert_allclose(rates(name, 900, **numbers), expected, rtol=1e-5)


def test_schedules_mean_the_same_for_runs_of_any_length() -> None:
    for name in SCHEDULES:
        short, long = rates(name, 1_001), rates(name, 10_001)
        np.testing.assert_allclose(short[:900:100], long[:9_000:1_000], rtol=0.01, atol=0.002, err_msg=name)


def test_exponential_and_power_schedules_have_the_chapters_steps_at_its_length() -> None:
    steps = 30 * 1_875  # 30 epochs of 60,000 rows in batches of 32
    assert EXPONENTIAL_SHARE * steps == 20 * 1_875
    assert POWER_SHARE * steps == 1 / 1e-4


def test_one_cycle_drives_the_momentum() -> None:
    momenta = schedule(DnnParams(**SMALL)).momenta(0.9, 1_000)
    assert momenta is not None
    assert (momenta[0], momenta.min(), momenta[-1]) == pytest.approx((0.95, 0.85, 0.95))


def test_performance_scheduling_has_the_chapters_numbers_and_something_to_watch() -> None:
    recipe = build({**SMALL, "schedule": "performance", "early_stopping": False})
    assert (recipe.schedule.factor, recipe.schedule.patience, recipe.watch) == (0.5, 5, 0.1)  # type: ignore[union-attr]


def test_every_space_builds_the_same_baselines() -> None:
    for baseline in study.baselines:
        first, second = (build(baseline.params_in(space.name)) for space in study.spaces)
        assert _anatomy(first) == _anatomy(second)


def _anatomy(recipe: Any) -> list[Any]:
    described = [
        {key: value for key, value in layer.get_config().items() if key not in ("name", "seed", "kernel_initializer")}
        for layer in recipe.model.layers
    ]
    config = {key: value for key, value in recipe.optimizer.get_config().items() if key != "name"}
    return [described, config, recipe.batch_size, recipe.schedule, recipe.clip, recipe.penalty, recipe.stopping]


@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_any_configuration_builds_and_contradicts_nothing(data: st.DataObject) -> None:
    space = data.draw(st.sampled_from(study.spaces))
    params = {**data.draw(configurations(space)), "hidden_layers": 2, "first_units": 8, "hidden_units": 4}
    recipe = build(params)
    made = [type(layer).__name__ for layer in recipe.model.layers]
    hidden = [layer for layer in recipe.model.layers[:-1] if hasattr(layer, "use_bias")]
    assert len(hidden) == 2
    assert {layer.use_bias for layer in hidden} == {params.get("batch_norm") != "before"}
    if params["activation"] == "selu":
        assert "BatchNormalization" not in made
        assert "Dropout" not in made
        assert {type(layer.kernel_initializer).__name__ for layer in hidden} <= {"LecunNormal", "LecunUniform"}
    else:
        assert "AlphaDropout" not in made
    assert np.isfinite(recipe.schedule.rates(float(recipe.optimizer.learning_rate), 50)).all()  # type: ignore[union-attr]
