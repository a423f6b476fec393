"""Which way a recipe is trained: by the compiled loop, or, where that cannot take it, by Keras's own fit."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hpo.data import Rows, Stream
from hpo.errors import DefinitionError
from hpo.training.recipe import Recipe
from hpo.training.schedules import drives_momentum

if TYPE_CHECKING:
    import keras

__all__ = ["SLOWER", "backend_of", "note", "of_streams", "why_fit"]

_OWN = ("train_step", "compute_loss", "make_train_function")
_NEVER_CALLED = ("fit", "train_on_batch")
SLOWER = "2 to 20 times slower"  # 1.85 of a large one, 10 to 21 of small ones: docs/benchmarks.md


def note(why: str) -> str:
    """What a person is told of a training by Keras's fit."""
    return f"{why}, so Keras's own fit trains it, {SLOWER} than the compiled loop"


def backend_of(backend: str) -> str:
    """Why fit trains what runs on that backend of Keras."""
    return f"Keras runs on {backend}"


def of_streams() -> str:
    """Why fit trains on streams."""
    return "the data are streamed"


def why_fit(recipe: Recipe, train: Rows | Stream) -> str | None:
    """Why Keras's own fit must train this recipe on these data, in words; None where the compiled loop does.

    Raises:
        DefinitionError: the recipe asks for what fit cannot do, or the model has a training loop of its own.

    """
    name = type(recipe.model).__name__
    for method in _NEVER_CALLED:
        if _overrides(recipe.model, method):
            raise DefinitionError(
                f"{name} has a {method} of its own, and is trained an epoch at a time here: put it into train_step"
            )
    why = _of_data(train) or _of_recipe(recipe, name)
    if why is not None:
        _refuse(recipe, train, why)
    return why


def _of_data(train: Rows | Stream) -> str | None:
    import keras

    if keras.config.backend() != "tensorflow":
        return backend_of(keras.config.backend())
    if isinstance(train, Stream):
        return of_streams()
    for arrays, what in ((train.x, "inputs"), (train.y, "outputs")):
        if isinstance(arrays, Mapping | tuple):
            return f"the model has several {what}"
    return None


def _of_recipe(recipe: Recipe, name: str) -> str | None:
    if isinstance(recipe.loss, Mapping | list | tuple) or recipe.loss_weights is not None:
        return "the model has several losses"
    if recipe.callbacks:
        return f"the recipe has a callback, {type(recipe.callbacks[0]).__name__}"
    own = [method for method in _OWN if _overrides(recipe.model, method)]
    if own:
        return f"{name} has a {own[0]} of its own"
    return f"{name} has several optimizers" if _several_optimizers(recipe) else None


def _refuse(recipe: Recipe, train: Rows | Stream, why: str) -> None:
    """Refuse what fit cannot do. Raises DefinitionError."""
    streamed = isinstance(train, Stream)
    for what, given, remedy in (
        ("phases", recipe.phases, "freeze layers in build()"),
        ("clip", recipe.clip, "give the optimizer clipnorm, clipvalue or global_clipnorm"),
        ("penalty", recipe.penalty, "give the layers a kernel_regularizer"),
        ("max_norm", recipe.max_norm, "give the layers a kernel_constraint"),
        ("average", recipe.average, "give the optimizer use_ema"),
        (
            "schedule",
            recipe.schedule and _several_optimizers(recipe),
            "give each of its optimizers a schedule of Keras",
        ),
        ("schedule", drives_momentum(recipe.schedule), "give the schedule momentum=None"),
        ("class_weight", recipe.class_weight is not None and not _one_target(train), "weigh rows, or in the stream"),
        ("watch", streamed and recipe.watch, "validation data are watched"),
        ("augment", recipe.augment and streamed, "augment the streams, or in layers of the model"),
        ("augment", recipe.augment and not streamed and not _one_input(train), "augment in layers of the model"),
    ):
        if given:
            raise DefinitionError(f"{why}, so Recipe.{what} cannot be heeded: {remedy}")


def _one_input(train: Rows | Stream) -> bool:
    return isinstance(train, Rows) and not isinstance(train.x, Mapping | tuple)


def _one_target(train: Rows | Stream) -> bool:
    return isinstance(train, Rows) and not isinstance(train.y, Mapping | tuple)


def _several_optimizers(recipe: Recipe) -> bool:
    import keras

    return isinstance(recipe.optimizer, keras.optimizers.MultiOptimizer)


def _overrides(model: "keras.Model", method: str) -> bool:
    import keras

    return method in vars(model) or getattr(type(model), method) is not getattr(keras.Model, method)
