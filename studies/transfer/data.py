"""Fashion-MNIST in two tasks: A, eight classes with all their labels; B, sandal against shirt, with few."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from hpo.data import Dataset, Rows, fashion_mnist

__all__ = ["TASK_B", "task_a", "task_b"]

TASK_B = (5, 6)  # sandal and shirt: their numbers in Fashion-MNIST
_TASK_A = tuple(number for number in range(10) if number not in TASK_B)


def task_b() -> Dataset:
    """Sandal against shirt: 12,000 rows to develop on, 2,000 to test on.

    x is uint8 (rows, 28, 28, 1); y is float32 (rows,), 1 for a shirt. How many of its labels a training is given is for
    the study to say. Raises DataError.
    """
    whole = fashion_mnist()
    return Dataset(
        name="fashion-mnist-sandal-shirt",
        development=_pair(whole.development),
        test=_pair(whole.test),
        label_names=tuple(whole.label_names[number] for number in TASK_B),
    )


@cache
def task_a() -> Rows:
    """The other eight classes, 48,000 rows; y is one-hot float32 (rows, 8). Their test rows are no use here.

    Kept in the process. Raises DataError.
    """
    rows = fashion_mnist().development
    classes = list(_TASK_A)
    chosen = rows.take(_of(rows, _TASK_A))
    return Rows(x=chosen.x, y=chosen.y[:, classes])


def _pair(rows: Rows) -> Rows:
    chosen = rows.take(_of(rows, TASK_B))
    return Rows(x=chosen.x, y=np.ascontiguousarray(chosen.y[:, TASK_B[1]]))


def _of(rows: Rows, classes: tuple[int, ...]) -> NDArray[np.int64]:
    return np.flatnonzero(np.isin(rows.y.argmax(axis=1), classes)).astype(np.int64)
