"""What to train: a model and how, as a definition's `build` returns it."""

import inspect
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from hpo.data import ClassWeight
from hpo.errors import DefinitionError
from hpo.study.checked_records import Share, Whole, check
from hpo.training.early_stopping import EarlyStopping
from hpo.training.phases import Phase
from hpo.training.regularization import Clip, Penalty
from hpo.training.runtime import exclusive, load_keras
from hpo.training.schedules import Schedule

if TYPE_CHECKING:
    import keras

__all__ = [
    "Recipe",
    "build",
]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One configuration, ready to be trained.

    The model takes rows as the data set stores them: it begins with its own Rescaling or Normalization layer. A
    Normalization layer is left unadapted; the engine adapts it on the training rows of each run and on no others.

    An optimizer or a loss may be given by its name or class, as `keras.Model.compile` takes them.

    Raises:
        DefinitionError: a part is not what it should be, max_norm is not above 0, or watch is not in [0, 1).

    """

    model: "keras.Model"  # fresh weights, not compiled
    optimizer: "keras.optimizers.Optimizer"  # fresh; its learning_rate is the initial rate
    loss: Any  # a Keras loss, its name, or targets, outputs -> values; of several outputs a dict or a list of these
    batch_size: Whole = 32  # rows of one step; the last batch of an epoch may be smaller, as in Keras
    schedule: Schedule | None = None  # learning rate of each step; None: the optimizer's own, throughout
    augment: Callable[..., Any] | None = None  # batch of x -> batch of x of the same shape, training only; keras.ops,
    # keras.random with no seed. One that takes three arguments is given the rows' numbers and the epoch, from 1, too
    clip: Clip | None = None  # of the gradients, those of the penalty included
    penalty: Penalty | None = None  # on the kernels, added to the loss
    max_norm: float | None = None  # limit of the norm of what comes into each unit, kept after every step
    stopping: EarlyStopping | None = None  # None: all epochs are trained and the last weights kept
    watch: float = 0.0  # share of the training rows held out where stopping or schedule watch scores and a run has no
    # validation rows; 0: the training loss is watched then
    average: Share = 0.0  # of the steps of each phase, the last ones, over which weights and moving statistics are
    # averaged: scores are of the means, and a run ends with them; 0: with the last ones
    class_weight: ClassWeight = None  # class number, or name of a label -> weight of its rows in the loss, 1 where none
    # is given, as Keras's fit has it; "balanced": rows / (classes x rows of the class), of the rows trained on; times
    # the rows' own weights
    phases: tuple[Phase, ...] = ()  # none: one training of all that is not frozen
    loss_weights: Any = None  # of several losses, a dict or a list of what each counts; None: all count alike
    callbacks: "tuple[keras.callbacks.Callback, ...]" = ()  # Keras's or one's own, fresh: Keras's fit calls them then

    def __post_init__(self) -> None:
        self._take_parts()
        check(self)
        if self.max_norm is not None and not self.max_norm > 0:
            raise DefinitionError(f"max_norm {self.max_norm} is not above 0: give the largest norm allowed, such as 1")
        if self.average and self.optimizer.use_ema:
            raise DefinitionError(f"average {self.average} of an optimizer that averages (use_ema): give one of them")
        if not 0 <= self.watch < 1:
            raise DefinitionError(
                f"watch {self.watch} is not in [0, 1): give a share of the training rows, such as 0.1"
            )

    @classmethod
    def of(cls, built: object) -> "Recipe":
        """What a definition's `build` gave: a recipe, or a model that was compiled with an optimizer and a loss.

        Args:
            built: what `build` returned.

        Raises:
            DefinitionError: it is neither.

        """
        import keras

        from hpo.training.keras_internals import compile_config

        if isinstance(built, cls):
            return built
        remedy = "return Recipe(model=..., optimizer=..., loss=...)"
        if not isinstance(built, keras.Model):
            raise DefinitionError(f"build() gave a {type(built).__name__}: {remedy}")
        config = compile_config(built)
        if config.get("optimizer") is None or config.get("loss") is None:
            raise DefinitionError(f"build() gave a {type(built).__name__} that is not compiled with a loss: {remedy}")
        weights = config.get("loss_weights")
        return cls(model=built, optimizer=config["optimizer"], loss=config["loss"], loss_weights=weights)

    def _take_parts(self) -> None:
        """Make Keras's objects of what names them."""
        import keras

        if not isinstance(self.model, keras.Model):
            raise DefinitionError(f"Recipe.model is a {type(self.model).__name__}: give a keras.Model")
        for name, get, example in (
            ("optimizer", keras.optimizers.get, 'keras.optimizers.Adam(1e-3) or "adam"'),
            ("loss", _loss, 'keras.losses.MeanSquaredError() or "mse"'),
        ):
            given = getattr(self, name)
            try:
                object.__setattr__(self, name, get(given()) if inspect.isclass(given) else get(given))
            except (TypeError, ValueError) as error:
                raise DefinitionError(f"Recipe.{name} {given!r:.60} is none of Keras's: give {example}") from error
        for callback in self.callbacks:
            if not isinstance(callback, keras.callbacks.Callback):
                raise DefinitionError(
                    f"Recipe.callbacks holds a {type(callback).__name__}: give objects of keras.callbacks.Callback"
                )

    @property
    def hyperparameters(self) -> dict[str, float]:
        """The numbers of what is on, by name: they live in variables, so that varying them compiles nothing."""
        found = {}
        if self.clip is not None:
            found["clip"] = self.clip.threshold
        if self.penalty is not None:
            found |= {name: value for name in ("l1", "l2") if (value := getattr(self.penalty, name))}
        if self.max_norm is not None:
            found["max_norm"] = self.max_norm
        return found


def _loss(given: Any) -> Any:
    """A loss as it is, or several, if they are such. Raises TypeError."""
    if isinstance(given, Mapping | list | tuple) and given:
        for each in given.values() if isinstance(given, Mapping) else given:
            _loss(each)
        return given
    if not isinstance(given, str) and not callable(given):
        raise TypeError(given)
    return given


P = TypeVar("P")


@exclusive
def build(builder: Callable[[P], "Recipe | keras.Model"], params: P, seed: int) -> Recipe:
    """`builder(params)` with the random numbers of Python, NumPy and Keras seeded, so equal seeds give equal weights.

    A model that was compiled with an optimizer and a loss is a recipe too.

    Not `keras.utils.set_random_seed`: it also sets TensorFlow's global seed, which nothing of Keras draws from, and
    TensorFlow then throws away every kernel it has prepared: each program kept from earlier runs would pay 0.1 s again.

    Args:
        builder: a definition's `build`.
        params: the configuration, passed on as it is.
        seed: any integer; reduced to the 32 bits NumPy takes.

    Raises:
        DefinitionError: TensorFlow is not there, or Keras uses something else, or what was built is no recipe.

    """
    load_keras()
    import keras

    from hpo.training.keras_internals import forget_random_generator

    seed %= 2**32
    forget_random_generator()  # made anew, from the next line's seed
    random.seed(seed)  # the seed of a Keras initializer or layer that was given none is drawn here
    np.random.seed(seed)  # builders may draw from it
    policy = keras.config.dtype_policy()
    try:
        return Recipe.of(builder(params))
    finally:
        keras.config.set_dtype_policy(policy)  # layers have theirs by now; that of one build is none of the next's
