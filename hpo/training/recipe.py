"""What to train: a model and how, as a definition's `build` returns it."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hpo.errors import DefinitionError
from hpo.study.annotations import Whole
from hpo.study.checked_records import check
from hpo.training.clipping import Clip
from hpo.training.penalties import Penalty
from hpo.training.phases import Phase
from hpo.training.schedules import Schedule
from hpo.training.stopping import EarlyStopping

if TYPE_CHECKING:
    import keras

__all__ = ["Recipe"]


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
    loss: "keras.losses.Loss | str | Callable[[Any, Any], Any]"  # a Keras loss, its name, or targets, outputs -> values
    batch_size: Whole = 32  # rows of one step; the last batch of an epoch may be smaller, as in Keras
    schedule: Schedule | None = None  # learning rate of each step; None: the optimizer's own, throughout
    augment: Callable[[Any], Any] | None = (
        None  # batch of x -> batch of x of the same shape, training only; keras.ops, keras.random with no seed
    )
    clip: Clip | None = None  # of the gradients, those of the penalty included
    penalty: Penalty | None = None  # on the kernels, added to the loss
    max_norm: float | None = None  # limit of the norm of what comes into each unit, kept after every step
    stopping: EarlyStopping | None = None  # None: all epochs are trained and the last weights kept
    watch: float = 0.0  # share of the training rows held out where stopping or schedule watch scores and a run has no
    # validation rows; 0: the training loss is watched then
    phases: tuple[Phase, ...] = ()  # none: one training of all that is not frozen

    def __post_init__(self) -> None:
        self._take_parts()
        check(self)
        if self.max_norm is not None and not self.max_norm > 0:
            raise DefinitionError(f"max_norm {self.max_norm} is not above 0: give the largest norm allowed, such as 1")
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
            DefinitionError: it is neither, or was compiled with what a recipe cannot say.

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
        if config.get("loss_weights") is not None or isinstance(config["loss"], list | tuple | dict):
            raise DefinitionError(f"build() gave a {type(built).__name__} compiled with several losses: {remedy}")
        return cls(model=built, optimizer=config["optimizer"], loss=config["loss"])

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

    @property
    def dials(self) -> dict[str, float]:
        """The numbers of what is on, by name: they live in variables, so that varying them compiles nothing."""
        dials = {}
        if self.clip is not None:
            dials["clip"] = self.clip.threshold
        if self.penalty is not None:
            dials |= {name: value for name in ("l1", "l2") if (value := getattr(self.penalty, name))}
        if self.max_norm is not None:
            dials["max_norm"] = self.max_norm
        return dials


def _loss(given: Any) -> Any:
    """A loss as it is, if it is one. Raises TypeError."""
    if not isinstance(given, str) and not callable(given):
        raise TypeError(given)
    return given
