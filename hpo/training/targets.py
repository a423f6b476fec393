"""Whether targets are such as a loss and a metric go together with, before a wrong number comes of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.errors import Infeasible
from hpo.study.objectives import spelled
from hpo.study.own_metric import Metric, OwnMetric
from hpo.training.scores import ACCURACIES, is_mean_over_rows, keras_metric, loss_object, metric_function

__all__ = ["refuse_unfit"]

_CLASS_NUMBERS = frozenset(
    {
        "sparse_categorical_crossentropy",
        "categorical_generalized_cross_entropy",
        "sparse_categorical_accuracy",
        "sparse_top_k_categorical_accuracy",
    }
)
_PROBABILITIES = frozenset({"binary_crossentropy", "binary_focal_crossentropy", "binary_accuracy"})
_YES_OR_NO = frozenset({"AUC", "F1Score", "FBetaScore", "Precision", "Recall"})  # Keras takes whatever is not 0 for yes
_OF_THEIR_OWN = frozenset({"ctc", "circle"})  # targets and outputs differ in shape, and how is theirs to say


def refuse_unfit(loss: Any, metric: Metric | None, y: NDArray[np.generic], shape: tuple[int | None, ...]) -> None:
    """Refuse targets that a loss or a metric of Keras's takes for something else, or not at all.

    What somebody's own function makes of them is for that function to say.

    Args:
        loss: as in `Recipe.loss`.
        metric: accuracy, the name of a Keras metric, or one's own; None: it is of another output.
        y: targets, (rows, ...).
        shape: of what the model gives, (None, ...).

    Raises:
        Infeasible: class numbers out of range or none at all, no probabilities, or shapes that would be broadcast.

    """
    for what, name, spared in (("loss", *_loss(loss, y, shape)), ("metric", _metric(metric, y, shape), None)):
        if name is None or name in _OF_THEIR_OWN:
            continue
        if name in _CLASS_NUMBERS:
            _refuse_numbers(f"{what} {name}", y, shape, spared)
        else:
            _refuse_shapes(f"{what} {name}", y, shape)
            if name in _PROBABILITIES or name in _YES_OR_NO:
                _refuse_beyond_one(f"{what} {name}", y)


def _loss(loss: Any, y: NDArray[np.generic], shape: tuple[int | None, ...]) -> tuple[str | None, int | None]:
    """The name of Keras's function that a loss is, and the class number it leaves out, if any."""
    found = loss_object(loss)
    if found is None:
        return _by_shapes(y, shape, "crossentropy"), None
    function = getattr(found, "fn", found)
    ignored = getattr(found, "ignore_class", None)
    return _name(function), ignored


def _metric(metric: Metric | None, y: NDArray[np.generic], shape: tuple[int | None, ...]) -> str | None:
    if metric is None or isinstance(metric, OwnMetric):
        return None
    if spelled(metric) in ACCURACIES:
        return _by_shapes(y, shape, "accuracy")
    return _name(metric_function(metric).func) if is_mean_over_rows(metric) else _name(type(keras_metric(metric)))


def _name(function: Any) -> str | None:
    own = not getattr(function, "__module__", "").startswith("keras.")
    return None if own else getattr(function, "__name__", None)


def _by_shapes(y: NDArray[np.generic], shape: tuple[int | None, ...], what: str) -> str:
    """What Keras takes "accuracy" and "crossentropy" for."""
    if shape[-1] == 1:
        return f"binary_{what}"
    sparse = y.ndim < len(shape) or y.shape[-1] == 1
    return f"sparse_categorical_{what}" if sparse else f"categorical_{what}"


def _refuse_numbers(who: str, y: NDArray[np.generic], shape: tuple[int | None, ...], spared: int | None) -> None:
    classes = shape[-1]
    row = y.shape[1:-1] if y.ndim == len(shape) and y.shape[-1] == 1 else y.shape[1:]
    if not _alike(row, shape[1:-1]):
        hot = _alike(y.shape[1:], shape[1:])
        remedy = "use categorical_crossentropy" if hot else "give a class number for each output"
        raise Infeasible(f"{who} takes class numbers, and a row of y has shape {y.shape[1:]}: {remedy}")
    numbers = y if spared is None else y[y != spared]
    if not numbers.size:
        return
    if numbers.dtype.kind == "f" and not np.array_equal(numbers, np.floor(numbers)):
        raise Infeasible(f"{who} takes class numbers, and y holds {numbers[numbers != np.floor(numbers)][0]:g}")
    low, high = int(numbers.min()), int(numbers.max())
    if classes is not None and (low < 0 or high >= classes):
        raise Infeasible(
            f"{who} of {classes} outputs takes class numbers from 0 to {classes - 1}, and y holds those from {low} to "
            f"{high}: number the classes from 0, one output for each"
        )


def _refuse_shapes(who: str, y: NDArray[np.generic], shape: tuple[int | None, ...]) -> None:
    """Refuse what NumPy's rules would broadcast: Keras makes up for an axis of 1 at the end, and for no other."""
    ours, theirs = y.shape[1:], shape[1:]
    if not (_alike(ours, theirs) or _alike((*ours, 1), theirs) or _alike(ours, (*theirs, 1))):
        hint = ": use its sparse form, or one-hot targets" if "categorical" in who and len(ours) < len(theirs) else ""
        raise Infeasible(f"{who} compares outputs of shape {theirs} with targets of shape {ours}{hint}")


def _alike(ours: Sequence[int | None], theirs: Sequence[int | None]) -> bool:
    """Whether two shapes are the same, as far as they are known."""
    return len(ours) == len(theirs) and all(
        None in pair or pair[0] == pair[1] for pair in zip(ours, theirs, strict=True)
    )


def _refuse_beyond_one(who: str, y: NDArray[np.generic]) -> None:
    wanted = "0 and 1" if "accuracy" in who or who.split()[-1] in _YES_OR_NO else "from 0 to 1"
    low, high = y.min(), y.max()
    if low < 0 or high > 1 or ("accuracy" in who and not np.isin(y, (0, 1)).all()):
        remedy = "give y > 0 for y" if np.isin(y, (-1, 1)).all() else "take another one"
        raise Infeasible(f"{who} takes targets {wanted}, and y holds those from {low:g} to {high:g}: {remedy}")
