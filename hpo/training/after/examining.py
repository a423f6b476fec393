"""A trained model looked at from all sides: its size, how sure it is of rows it has not seen, how fast it predicts."""

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpo.data import Rows
from hpo.errors import UsageError
from hpo.study.checked_records import AnyFloat, Count, NotNegative, Share, Whole, check
from hpo.training.after.calibration import calibration_error, gaussian_calibration_error, gaussian_nll, nll
from hpo.training.after.folding import fold
from hpo.training.after.size_and_latency import latencies, pruned, size, sparsity
from hpo.training.after.uncertainty import Uncertainty, classifies, drops, mc_predict
from hpo.training.keras_internals import all_layers
from hpo.training.model_graph import symbolic

if TYPE_CHECKING:
    from hpo.training.recipe import Recipe
    from hpo.training.run import Run

__all__ = [
    "BATCHES",
    "THRESHOLD",
    "Belief",
    "Examination",
    "Folding",
    "PredictiveUncertainty",
    "Speed",
    "examine",
    "refuse_pointless",
]

BATCHES = (1, 256)  # rows of a call whose time is taken: one who waits, and many at once
THRESHOLD = 1e-3  # a weight no larger counts as zero; L1 by gradient steps makes weights small, never exactly 0


@dataclass(frozen=True, kw_only=True)
class Belief:
    """Whether predictions deserve belief, on rows the model has not seen."""

    nll: AnyFloat  # mean negative log-likelihood of the truth, nats
    calibration_error: AnyFloat  # a classifier: from 0 to 1, in 15 bins; a regressor: to 0.5, in 15 quantiles

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, kw_only=True)
class PredictiveUncertainty:
    """One plain prediction of each row beside many with dropout on."""

    passes: Whole
    plain: Belief  # dropout off: a classifier's probabilities; a regressor's outputs with `noise` as their deviation
    mc: Belief  # the passes' mean; of a regressor with their deviation and `noise`, added in squares
    std: AnyFloat  # mean over rows and outputs of the deviation over the passes, in the outputs' unit
    accuracy: AnyFloat | None  # of the passes' mean, share of rows; None for a regressor
    entropy: AnyFloat | None  # mean over rows, nats; None for a regressor
    mutual_information: AnyFloat | None  # likewise: the part of it that the weights are to blame for
    entropy_right: AnyFloat | None  # mean over the rows it gets right; None for a regressor, or where there are none
    entropy_wrong: AnyFloat | None  # mean over the rows it gets wrong; likewise. What knows its limits has more here

    def __post_init__(self) -> None:
        check(self)

    noise: float | None  # root mean square error on the training rows, which it understates; None for a classifier


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Time of one compiled prediction on this machine, a median."""

    batch: Whole  # rows of the call
    seconds: NotNegative  # of the model as it is
    folded_seconds: NotNegative | None  # of the folded one; None: none was folded

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, kw_only=True)
class Folding:
    """Batch normalizations folded into their neighbours."""

    folded: Count  # gone
    left: Count  # that no neighbour could take
    difference: AnyFloat  # the largest |folded - unfolded| output over the rows
    parameters: Count  # of the folded model

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What a trained model is like."""

    parameters: Count  # numbers kept for prediction
    bytes: Count  # of them as they are stored
    sparsity: Share  # share of the kernels' weights with |w| <= threshold
    threshold: float
    pruned: AnyFloat  # the run's metric on the rows it has not seen, with those weights at 0
    uncertainty: PredictiveUncertainty | None  # None: not asked for
    folding: Folding | None  # None: not asked for
    speeds: tuple[Speed, ...]
    folded: keras.Model | None = field(default=None, repr=False, compare=False)  # the folded model

    def __post_init__(self) -> None:
        check(self)

    def to_json(self) -> dict[str, object]:
        """All but the model."""
        kept = {
            name: value
            for name, value in vars(self).items()
            if name not in ("folded", "uncertainty", "folding", "speeds")
        }
        return {
            **kept,
            "uncertainty": None if self.uncertainty is None else asdict(self.uncertainty),
            "folding": None if self.folding is None else asdict(self.folding),
            "speeds": [asdict(speed) for speed in self.speeds],
        }


def refuse_pointless(recipe: "Recipe", *, passes: int | None, folding: bool) -> None:
    """Refuse, before anything is trained, what `examine` could not do with the recipe's model.

    Raises:
        UsageError: there is no dropout to keep on or no batch normalization to fold, or the model is a class of
            somebody's own.

    """
    model = recipe.model
    if not symbolic(model):
        raise UsageError(
            f"{type(model).__name__} is a model class of its own, whose layers are not known: without --mc-dropout and"
            " --fold-batchnorm it can be trained"
        )
    if len(model.inputs) > 1 or len(model.outputs) > 1:
        raise UsageError(
            "the model has several inputs or outputs: without --mc-dropout and --fold-batchnorm it can be trained"
        )
    if passes is not None and not drops(model):
        raise UsageError("this configuration has no dropout, so all passes of --mc-dropout are one: leave it out")
    if folding and not _normalizations(model):
        raise UsageError("this configuration has no batch normalization for --fold-batchnorm to fold: leave it out")


def examine(
    run: "Run", train: Rows, test: Rows, *, passes: int | None = None, folding: bool = False, seed: int = 0
) -> Examination:
    """Look at the model of a run that is over; the run's model is not changed.

    Args:
        run: the training.
        train: the rows it was trained on; a regressor's noise is estimated from them.
        test: rows it has not seen; how sure it is, is told of them.
        passes: predictions of each row with dropout on; None: none.
        folding: whether to fold batch normalizations into their neighbours.
        seed: of the dropout.

    Raises:
        UsageError: as `refuse_pointless`.
        DefinitionError: the model is a class of somebody's own.

    """
    model = run.model()
    folded = fold(model) if folding else None
    weight = size(model)
    return Examination(
        parameters=weight.parameters,
        bytes=weight.bytes,
        sparsity=sparsity(model, THRESHOLD),
        threshold=THRESHOLD,
        pruned=_score(pruned(model, THRESHOLD), run, test),
        uncertainty=None if passes is None else _uncertainty(run, model, train, test, passes, seed),
        folding=None if folded is None else _folding(model, folded, run.predict(test.x), test.x),
        speeds=tuple(_speed(model, folded, batch) for batch in BATCHES),
        folded=folded,
    )


def _uncertainty(
    run: "Run", model: keras.Model, train: Rows, test: Rows, passes: int, seed: int
) -> PredictiveUncertainty:
    plain = run.predict(test.x)
    drawn = mc_predict(model, test.x, samples=passes, seed=seed)
    if not classifies(model):
        return _of_regressor(
            plain, drawn, test, noise=float(np.sqrt(np.mean(_errors(run.predict(train.x), train) ** 2)))
        )
    assert drawn.entropy is not None
    assert drawn.mutual_information is not None
    right = _classes(drawn.mean) == _classes(np.asarray(test.y))
    return PredictiveUncertainty(
        passes=passes,
        plain=Belief(nll=nll(plain, test.y), calibration_error=calibration_error(plain, test.y)),
        mc=Belief(nll=nll(drawn.mean, test.y), calibration_error=calibration_error(drawn.mean, test.y)),
        std=float(drawn.std.mean()),
        accuracy=float(right.mean()),
        entropy=float(drawn.entropy.mean()),
        mutual_information=float(drawn.mutual_information.mean()),
        entropy_right=_mean(drawn.entropy[right]),
        entropy_wrong=_mean(drawn.entropy[~right]),
        noise=None,
    )


def _of_regressor(plain: NDArray[Any], drawn: Uncertainty, test: Rows, noise: float) -> PredictiveUncertainty:
    def belief(mean: NDArray[Any], std: NDArray[Any]) -> Belief:
        return Belief(
            nll=gaussian_nll(mean, std, test.y, noise),
            calibration_error=gaussian_calibration_error(mean, std, test.y, noise),
        )

    return PredictiveUncertainty(
        passes=drawn.samples,
        plain=belief(plain, np.zeros_like(plain)),
        mc=belief(drawn.mean, drawn.std),
        std=float(drawn.std.mean()),
        accuracy=None,
        entropy=None,
        mutual_information=None,
        entropy_right=None,
        entropy_wrong=None,
        noise=noise,
    )


def _score(model: keras.Model, run: "Run", rows: Rows) -> float:
    return run.judged(model.predict(rows.x, batch_size=1024, verbose=0), rows)


def _folding(model: keras.Model, folded: keras.Model, outputs: NDArray[Any], x: NDArray[Any]) -> Folding:
    left = _normalizations(folded)
    again = folded.predict(x, batch_size=1024, verbose=0)
    return Folding(
        folded=_normalizations(model) - left,
        left=left,
        difference=float(np.max(np.abs(again - outputs))),
        parameters=size(folded).parameters,
    )


def _speed(model: keras.Model, folded: keras.Model | None, batch: int) -> Speed:
    taken = latencies([model] if folded is None else [model, folded], batch)
    return Speed(batch=batch, seconds=taken[0], folded_seconds=None if folded is None else taken[1])


def _normalizations(model: keras.Model) -> int:
    return sum(isinstance(layer, keras.layers.BatchNormalization) for layer in all_layers(model))


def _classes(y: NDArray[Any]) -> NDArray[Any]:
    """Class numbers (rows,) of probabilities, one-hot targets or class numbers."""
    y = y.reshape(len(y), -1)
    if y.shape[1] > 1:
        return np.asarray(y.argmax(axis=1))
    return (y[:, 0] > 0.5).astype(np.int64) if np.issubdtype(y.dtype, np.floating) else y[:, 0]


def _errors(outputs: NDArray[Any], rows: Rows) -> NDArray[np.float64]:
    return outputs.reshape(-1).astype(np.float64) - np.asarray(rows.y, dtype=np.float64).reshape(-1)


def _mean(values: NDArray[Any]) -> float | None:
    return float(values.mean()) if len(values) else None
