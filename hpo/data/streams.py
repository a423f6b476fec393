"""Data that come in batches and not as arrays, as a tf.data.Dataset does: larger than memory, of varying length."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hpo.errors import DataError
from hpo.study.checked_records import Name, Whole, check

__all__ = ["Stream", "Streams"]


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Batches of (inputs, targets), or of (inputs, targets, weights), made anew for each training.

    Raises:
        DataError: what makes them is no function.

    """

    make: Callable[[int], Any]
    # seed -> a tf.data.Dataset, a keras.utils.PyDataset or a torch DataLoader, batched; what it draws, it draws by that
    steps: Whole | None = None  # batches of an epoch, the first ones; None: all

    def __post_init__(self) -> None:
        check(self, error=DataError)

    def first(self, steps: int | None) -> "Stream":
        """The same with that many batches an epoch, at the most.

        Args:
            steps: batches; None: as many as it gives.

        """
        return replace(self, steps=steps)


@dataclass(frozen=True, kw_only=True)
class Streams:
    """A data set in three streams, as what is streamed cannot be split by rows.

    Each is given as a function that makes it, so that every training begins with the same batches: a shuffled
    tf.data.Dataset that is iterated twice gives two orders.

    Raises:
        DataError: a stream is not given as a function.

    """

    name: Name  # for a person, in messages and reports
    train: Callable[[int], Any]  # (seed of a training) -> batches to train on; shuffled by the seed, or not at all
    validation: Callable[[], Any]  # () -> batches that searches judge on
    test: Callable[[], Any]  # () -> batches that finished configurations are scored on, and nothing else
    label_names: tuple[str, ...] = ()  # of the classes, where targets are labels

    def __post_init__(self) -> None:
        for name, example in (("train", "lambda seed: ..."), ("validation", "lambda: ..."), ("test", "lambda: ...")):
            given = getattr(self, name)
            if not callable(given) or hasattr(given, "__iter__") or hasattr(given, "__getitem__"):
                raise DataError(
                    f"{name} is a {type(given).__name__}: give a function that makes it, {name}={example}, so that "
                    "each training begins with the same batches"
                )
        check(self, kind="data set", error=DataError)

    @property
    def training(self) -> Stream:
        """What is trained on."""
        return Stream(make=self.train)

    def judged(self, part: str) -> Stream:
        """The validation or the test stream, whatever the seed.

        Args:
            part: validation or test.

        """
        make = self.validation if part == "validation" else self.test
        return Stream(make=lambda _: make())

    @property
    def digest(self) -> str:
        """One word for what can be told of streams without reading them: 32 hexadecimal digits of their name."""
        return hashlib.sha256(f"streams {self.name}".encode()).hexdigest()[:32]
