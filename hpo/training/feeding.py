"""What Keras's fit is fed with: arrays, in an order of their own each epoch, or a stream of batches."""

import math
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from hpo.data import Rows, Stream
from hpo.data.structures import Arrays, mapped
from hpo.errors import DataError, DefinitionError, HpoError
from hpo.messages import one_line
from hpo.study.contained import contained
from hpo.training.augmentation import by_row
from hpo.training.keras_internals import drawing_from
from hpo.training.preparing import as_floats, is_ragged
from hpo.training.recipe import Recipe

__all__ = ["ArrayFeed", "Batch", "Feed", "StreamFeed", "ending_anywhere", "scored_on", "shapes_explained", "trained_on"]

Batch = tuple[Arrays, Arrays, NDArray[np.float32] | None]
"""Inputs, targets and weights of some rows, as NumPy arrays; ragged inputs as they are; None: all weigh alike."""

SCORED = 128  # rows of a step in which arrays are scored


_PADDED = "pad them, such as by padded_batch() or to_tensor()"


class Feed(Protocol):
    """Data as Keras's fit, evaluate and predict take them."""

    steps: int | None  # batches of an epoch; None: not known

    def epoch(self, number: int) -> dict[str, Any]:
        """Arguments of fit for the epoch of that number, from 1."""

    def whole(self) -> dict[str, Any]:
        """Arguments of evaluate: all of them, in their own order."""

    def batches(self) -> Iterator[Batch]:
        """All of them, in their own order."""


class ArrayFeed:
    """Arrays, shuffled anew each epoch; in the same order as the compiled loop has them, where Keras has TensorFlow."""

    def __init__(
        self,
        rows: Rows,
        *,
        weights: NDArray[np.float32] | None,
        batch_size: int,
        seed: int,
        augment: Callable[..., Any] | None,
    ) -> None:
        self._weights = weights
        self._x, self._y = (mapped(lambda array, _: as_floats(array), arrays) for arrays in (rows.x, rows.y))
        self._rows = len(rows)
        self._batch_size = batch_size
        self._seed = seed % 2**31
        self._augment = augment and by_row(augment)
        self._random = keras.random.SeedGenerator(self._seed)  # of augmentation
        self.steps: int | None = math.ceil(self._rows / batch_size)

    @property
    def variables(self) -> list[Any]:
        """What changes from epoch to epoch."""
        return [self._random.state]

    def epoch(self, number: int) -> dict[str, Any]:
        """As `Feed`; augmented beforehand, a batch at a time."""
        order = _order(self._rows, self._seed, number)
        x, y = (mapped(lambda array, _: array[order], arrays) for arrays in (self._x, self._y))
        if self._augment is not None:
            batches = [slice(at, at + self._batch_size) for at in range(0, self._rows, self._batch_size)]
            with drawing_from(self._random):
                made = [self._augment(keras.ops.convert_to_tensor(x[some]), order[some], number) for some in batches]
            x = np.concatenate([keras.ops.convert_to_numpy(each) for each in made])
        weights = None if self._weights is None else self._weights[order]
        return {"x": x, "y": y, "sample_weight": weights, "batch_size": self._batch_size, "shuffle": False}

    def whole(self) -> dict[str, Any]:
        """As `Feed`."""
        return {"x": self._x, "y": self._y, "sample_weight": self._weights, "batch_size": SCORED}

    def batches(self) -> Iterator[Batch]:
        """As `Feed`."""
        for at in range(0, self._rows, SCORED):
            some = slice(at, at + SCORED)
            x, y = (mapped(lambda a, _, some=some: a[some], arrays) for arrays in (self._x, self._y))  # type: ignore[misc]
            yield x, y, None if self._weights is None else self._weights[at : at + SCORED]


class StreamFeed:
    """A stream, made once for a training; what shuffles itself goes on to do so from epoch to epoch."""

    def __init__(self, stream: Stream, *, seed: int) -> None:
        """Raises DataError: it is none that Keras's fit takes."""
        self._stream = contained(lambda: stream.make(seed % 2**31))
        self._known = _length(self._stream)
        self.steps = self.steps_of(stream.steps)
        self._limit = None if self.steps == self._known else self.steps
        self.ragged = False  # whether inputs of a batch seen were of varying length within it

    def steps_of(self, most: int | None) -> int | None:
        """Batches of an epoch that has `most`, where there are as many; None: not known."""
        return self._known if most is None else min(most, self._known or most)

    def epoch(self, number: int) -> dict[str, Any]:  # noqa: ARG002 - as Feed
        """As `Feed`."""
        return {"x": self._stream, "steps_per_epoch": self._limit, "shuffle": False}

    def whole(self) -> dict[str, Any]:
        """As `Feed`."""
        return {"x": self._stream, "steps": self._limit}

    def batches(self) -> Iterator[Batch]:
        """As `Feed`. Raises DataError: a batch is no inputs with targets."""
        for number, batch in enumerate(self._iterated()):
            if number == self.steps:
                return
            if not isinstance(batch, tuple | list) or len(batch) not in (2, 3):
                raise DataError(
                    f"a batch of the stream is {_shown(batch)}: give (inputs, targets), or (inputs, targets, weights)"
                )
            self.ragged |= any(map(is_ragged, keras.tree.flatten(batch[0])))
            x = mapped(lambda part, _: part if is_ragged(part) else _as_numpy(part), _plain(batch[0]))
            yield x, mapped(_targets, _plain(batch[1]), "y"), None  # its weights are those of the loss

    def _iterated(self) -> Iterator[Any]:
        if isinstance(self._stream, keras.utils.PyDataset):
            return (self._stream[number] for number in range(self._stream.num_batches or 0))
        return iter(self._stream)


def trained_on(data: Rows | Stream, recipe: Recipe, weights: NDArray[np.float32] | None, *, seed: int) -> Feed:
    """What fit is fed these data with.

    Args:
        data: arrays, or a stream.
        recipe: says how large batches of arrays are, and how they are augmented.
        weights: (rows,) what each row weighs in the loss; None: all alike.
        seed: of the order of arrays, and of the stream.

    """
    if isinstance(data, Stream):
        return StreamFeed(data, seed=seed)
    return ArrayFeed(data, weights=weights, batch_size=recipe.batch_size, seed=seed, augment=recipe.augment)


def scored_on(data: Rows | Stream, *, weighted: bool, seed: int) -> Feed:
    """What evaluate is fed these data with.

    Args:
        data: arrays, or a stream.
        weighted: whether rows count in the metric by their weights.
        seed: of the stream.

    """
    if isinstance(data, Stream):
        return StreamFeed(data, seed=seed)
    weights = data.sample_weight if weighted else None
    return ArrayFeed(data, weights=weights, batch_size=SCORED, seed=seed, augment=None)


@contextmanager
def shapes_explained(model: keras.Model, feed: Feed) -> Iterator[None]:
    """Within it what Keras raises of batches whose shapes it does not take is a line that says what to give.

    Raises:
        DefinitionError: the model takes no ragged inputs.
        DataError: a batch has another shape than the first ones of its stream.

    """
    try:
        yield
    except HpoError:
        raise
    except Exception as error:
        if "`generator` yielded an element of shape" in str(error):
            told = re.search(r"element of shape (\(.*?\)) where an element of shape (\(.*?\)) was", str(error))
            shapes = f": {told[1]} and not {told[2]}" if told else ""
            raise DataError(
                f"a batch of the stream has another shape than its first two{shapes}, and Keras takes these for what "
                "may vary: let the first two differ where others do, give a tf.data.Dataset, or pad all batches alike"
            ) from error
        if isinstance(feed, StreamFeed) and feed.ragged:
            raise DefinitionError(
                f"the batches are ragged, and {model.name} does not take such ({one_line(error)}): {_PADDED}, or in "
                "its first layer, with a mask"
            ) from error
        raise


@contextmanager
def ending_anywhere() -> Iterator[None]:
    """Within it Keras does not warn of a stream that ends where nobody knew that it would."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Your input ran out of data")
        yield


def _order(rows: int, seed: int, epoch: int) -> NDArray[np.int64]:
    if keras.config.backend() != "tensorflow":
        return np.random.default_rng((seed, epoch)).permutation(rows)
    import tensorflow as tf

    from hpo.training.loop import shuffled

    found: NDArray[np.int64] = shuffled(rows, rows, tf.constant((seed, epoch))).numpy()
    return found


def _length(stream: Any) -> int | None:
    """How many batches a stream has; None where it cannot say. Raises DataError: it is no stream."""
    if isinstance(stream, keras.utils.PyDataset):
        length: int | None = stream.num_batches
        return length
    if hasattr(stream, "cardinality") and hasattr(stream, "element_spec"):  # a tf.data.Dataset
        return known if (known := int(stream.cardinality())) >= 0 else None
    if type(stream).__name__ == "DataLoader" and hasattr(stream, "dataset"):
        try:
            return len(stream)
        except TypeError:  # of an IterableDataset
            return None
    raise DataError(
        f"a stream is {_shown(stream)}: make a batched tf.data.Dataset, a keras.utils.PyDataset or a torch DataLoader"
    )


def _plain(part: Any) -> Any:
    """Dicts and tuples as they are, lists as tuples."""
    return tuple(part) if isinstance(part, list) else part


def _as_numpy(tensor: Any) -> NDArray[Any]:
    return np.asarray(tensor.numpy() if hasattr(tensor, "numpy") else tensor)


def _targets(tensor: Any, what: str) -> NDArray[Any]:
    if is_ragged(tensor):
        raise DataError(
            f"{what} of a batch is ragged, which no loss of Keras takes: {_PADDED}, where the inputs' mask, or weights "
            "of 0, leave the padding out"
        )
    return _as_numpy(tensor)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"a dict of {', '.join(map(repr, value))}"
    return f"a {type(value).__name__}" + (f" of {len(value)}" if isinstance(value, tuple | list) else "")
