"""What to train: a model and how, as a definition's `build` returns it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hpo.errors import DefinitionError
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

    Raises:
        DefinitionError: max_norm is not above 0, or watch is not in [0, 1).

    """

    model: "keras.Model"  # fresh weights, not compiled
    optimizer: "keras.optimizers.Optimizer"  # fresh; its learning_rate is the initial rate
    loss: "keras.losses.Loss | str"  # a Keras loss or its name
    batch_size: int = 32  # rows of one step; the last batch of an epoch may be smaller, as in Keras
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
        if self.max_norm is not None and not self.max_norm > 0:
            raise DefinitionError(f"max_norm {self.max_norm} is not above 0: give the largest norm allowed, such as 1")
        if not 0 <= self.watch < 1:
            raise DefinitionError(
                f"watch {self.watch} is not in [0, 1): give a share of the training rows, such as 0.1"
            )

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
