"""What `build()` may give: a recipe, its parts by name or class as Keras takes them, or a compiled model."""

from typing import Any

import keras
import pytest

from hpo.errors import DefinitionError
from hpo.training import Recipe, build


def model() -> keras.Model:
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])


def compiled(**given: Any) -> keras.Model:
    made = model()
    made.compile(**{"optimizer": keras.optimizers.Adam(0.02), "loss": "mae", **given})
    return made


@pytest.mark.parametrize(
    "optimizer", ["adam", "Adam", keras.optimizers.Adam, {"class_name": "Adam", "config": {"learning_rate": 0.001}}]
)
def test_an_optimizer_by_its_name_or_class_is_taken(optimizer: Any) -> None:
    made = Recipe(model=model(), optimizer=optimizer, loss="mse")
    assert type(made.optimizer) is keras.optimizers.Adam
    assert float(made.optimizer.learning_rate) == pytest.approx(0.001)


def test_a_loss_by_its_name_class_or_function_is_taken() -> None:
    def own(y: Any, outputs: Any) -> Any:
        return keras.ops.mean(y - outputs)

    assert Recipe(model=model(), optimizer="sgd", loss="mse").loss == "mse"
    assert isinstance(Recipe(model=model(), optimizer="sgd", loss=keras.losses.Huber).loss, keras.losses.Huber)
    assert Recipe(model=model(), optimizer="sgd", loss=own).loss is own


def test_a_compiled_model_is_a_recipe() -> None:
    made = build(lambda _: compiled(), None, 1)
    assert isinstance(made, Recipe)
    assert (made.loss, made.batch_size) == ("mae", 32)
    assert float(made.optimizer.learning_rate) == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("built", "refusal"),
    [
        (lambda _: model(), r"build\(\) gave a Sequential that is not compiled with a loss: return Recipe"),
        (lambda _: compiled(loss=None), "not compiled with a loss"),
        (lambda _: None, r"build\(\) gave a NoneType: return Recipe"),
        (lambda _: [keras.layers.Dense(1)], r"build\(\) gave a list"),
        (lambda _: Recipe(model=keras.layers.Dense(1), optimizer="sgd", loss="mse"), r"Recipe\.model is a Dense"),
        (lambda _: Recipe(model=model(), optimizer="adamm", loss="mse"), r"Recipe\.optimizer 'adamm' is none of"),
        (lambda _: Recipe(model=model(), optimizer=0.1, loss="mse"), r"Recipe\.optimizer 0\.1 is none of Keras's"),
        (lambda _: Recipe(model=model(), optimizer="sgd", loss=None), r"Recipe\.loss None is none of Keras's"),
        (
            lambda _: Recipe(model=model(), optimizer="sgd", loss="mse", batch_size=3.5),
            "batch_size must be a whole",
        ),
        (
            lambda _: Recipe(model=model(), optimizer="sgd", loss="mse", batch_size=True),
            "batch_size must be a whole",
        ),
    ],
)
def test_other_results_of_build_are_refused_in_one_line(built: Any, refusal: str) -> None:
    with pytest.raises(DefinitionError, match=refusal) as refused:
        build(built, None, 1)
    assert "\n" not in str(refused.value)
