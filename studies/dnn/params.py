"""One configuration, typed, and how a space writes it.

Parameters exclude each other where techniques do: SELU normalizes by itself, so it brings LeCun's initializer,
standardized inputs and alpha dropout and takes no batch normalization; every other activation has the choice of the
others. What follows from the rest (no bias before batch normalization) is no parameter at all.
"""

from dataclasses import dataclass

from hpo.study import Params, ParamValue, Space
from hpo.training import coupled, decoupled

__all__ = ["EXPONENTIAL_SHARE", "POWER_SHARE", "DnnParams", "written"]

EXPONENTIAL_SHARE = 20 / 30  # the chapter's s is 20 epochs, of 30
POWER_SHARE = 10_000 / (30 * 1_875)  # its decay of 1e-4 is s = 10,000 steps, of 30 epochs of 60,000 / 32


WEIGHT_DECAY = 0.004  # AdamW's in Keras


@dataclass(frozen=True, kw_only=True)
class DnnParams:
    """One configuration of either space; what a space does not ask for is as the chapter has it, or Keras."""

    hidden_layers: int
    activation: str  # of the hidden layers; a key of hpo.training.ACTIVATIONS
    optimizer: str  # a key of studies.dnn.optimizers.OPTIMIZERS
    schedule: str  # a key of studies.dnn.schedules.SCHEDULES
    learning_rate: float | None = None  # initial, or the peak of a schedule that has one; None: the next two say it
    adaptive_rate: float | None = None  # the same decoupled from the batch size, of optimizers that scale their steps
    sgd_rate: float | None = None  # the same decoupled from batch size and momentum, of gradient descent in its forms
    # the network
    first_units: int = 300  # of the first hidden layer
    hidden_units: int = 100  # of each later one
    inputs: str = "standardized"  # scaled (to [0, 1]), standardized (to mean 0, variance 1), batch_norm; not SELU's
    initializer: str = "he_normal"  # of the hidden layers, but for SELU's; a key of hpo.training.INITIALIZERS
    lecun: str = "normal"  # or "uniform": LeCun's initializer, which SELU goes with
    slope: float = 0.01  # of leaky ReLU below 0
    alpha: float = 1.0  # of ELU: its limit far below 0 is -alpha
    batch_norm: str = "none"  # a key of hpo.training.NORMALIZATIONS; not with SELU
    # the steps
    batch_size: int = 32  # images
    momentum: float = 0.9  # of momentum and Nesterov, unless 1cycle drives it
    rho: float = 0.9  # of RMSprop and AdaDelta: how long the mean of the squared gradients reaches back
    beta_1: float = 0.9  # of the Adam family: the momentum, unless 1cycle drives it
    beta_2: float = 0.999  # of the Adam family: as rho
    decay: float | None = None  # of weights, decoupled from rate and batch size, of AdamW; None: as Keras has it
    clipping: str = "none"  # or a key of hpo.training.regularization.CLIPPINGS
    clip_threshold: float = 1.0  # the largest component, or norm, of a gradient
    # the schedule
    power_share: float = POWER_SHARE  # of the run, after which power scheduling has halved the rate
    exponential_share: float = (
        EXPONENTIAL_SHARE  # of the run, after which exponential scheduling has left a tenth of it
    )
    drops: int = 2  # of piecewise constant scheduling, the run being cut into drops + 1 equal parts
    drop_factor: float = 0.1  # what each drop multiplies the rate by
    plateau_patience: int = 5  # epochs without improvement before performance scheduling lowers the rate
    plateau_factor: float = 0.5  # what it multiplies the rate by
    average: float = 0.0  # share of the steps over which the weights are averaged, the last ones
    # against overfitting
    label_smoothing: float = 0.0  # probability spread over all classes
    augmentation: str = "none"  # none, flip or alternating-flip; keys of hpo.training.AUGMENTATIONS
    penalty: str = "none"  # l1, l2 or l1_l2, on all kernels
    l1: float = 0.01  # strength of L1
    l2: float = 0.01  # strength of L2
    dropout: float = 0.0  # share of units dropped behind each hidden layer; alpha dropout behind SELU
    input_dropout: float = 0.0  # share of pixels dropped
    constraint: str = "none"  # or "max_norm", on the hidden and the output kernels
    max_norm: float = 1.0  # largest norm of the weights that come into a unit
    early_stopping: bool = False  # end where the validation score stops improving; the best epoch's weights are kept
    patience: int = 10  # epochs without improvement before it ends

    @property
    def self_normalizing(self) -> bool:
        """Whether the network is built of SELU, which other techniques must not disturb."""
        return self.activation == "selu"

    @property
    def descent_momentum(self) -> float | None:
        """The momentum of gradient descent in its three forms; None of optimizers that scale their steps."""
        return {"sgd": 0.0, "momentum": self.momentum, "nesterov": self.momentum}.get(self.optimizer)

    @property
    def numbers(self) -> dict[str, float]:
        """Learning rate and, of AdamW, weight decay as Keras takes them."""
        if self.learning_rate is not None:
            return {"learning_rate": self.learning_rate}
        rate = self.adaptive_rate if self.descent_momentum is None else self.sgd_rate
        assert rate is not None  # each space has one of the three
        return coupled(rate, self.decay, batch_size=self.batch_size, momentum=self.descent_momentum)

    @property
    def as_decoupled(self) -> dict[str, float]:
        """What the decoupled parameters are, of a configuration that has Keras's; see `hpo.training.coupled`."""
        assert self.learning_rate is not None
        rate, decay = decoupled(
            self.learning_rate, WEIGHT_DECAY, batch_size=self.batch_size, momentum=self.descent_momentum
        )
        assert decay is not None
        return {"sgd_rate": rate, "adaptive_rate": rate, "decay": decay}


def written(space: Space, params: Params) -> dict[str, ParamValue]:
    """The configuration as `space` writes it: the parameters that are active there, those not given as their default.

    Args:
        space: one of this definition's.
        params: names and values of `DnnParams`; what has no meaning in the configuration may be among them.

    """
    wanted = DnnParams(**params)
    found: dict[str, ParamValue] = {}
    for name in space.params:
        if space.is_active(name, found):
            own = getattr(wanted, name)
            found[name] = wanted.as_decoupled[name] if own is None else own
    return found
