"""How much the rows of each class weigh in the loss: as Keras's fit has it, and scikit-learn's "balanced"."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from hpo.data.splits import class_values
from hpo.errors import DefinitionError, Infeasible, UsageError
from hpo.study.checked_records import By
from hpo.study.value_checks import number, plain, shown

__all__ = ["BALANCED", "ClassWeight", "class_weights"]

BALANCED: Literal["balanced"] = "balanced"
"""Each class weighs as much as any other."""

_EXAMPLE = '{0: 1.0, 1: 9.0}, or "balanced"'


def _look(given: Any, what: str) -> "Mapping[int, float] | Literal['balanced'] | None":
    if given is None:
        return None
    if isinstance(given, str) and given == BALANCED:
        return BALANCED
    if not isinstance(given, Mapping) or not given:
        raise DefinitionError(f"{what} is {shown(given)}: give class numbers and their weights, such as {_EXAMPLE}")
    found: dict[int, float] = {}
    for key, value in given.items():
        name = plain(key)
        if not isinstance(name, int | float) or name != int(name):
            raise DefinitionError(f"{what} names a class {shown(key)}: give class numbers, such as {_EXAMPLE}")
        found[int(name)] = number(value, f"{what} of class {int(name)}")
        if found[int(name)] < 0:
            raise DefinitionError(f"{what} of class {int(name)} must be 0 or more, not {shown(value)}")
    return found


ClassWeight = Annotated[Mapping[int, float] | Literal["balanced"] | None, By(_look)]
"""Class number -> weight, classes that are not named weighing 1; "balanced"; None: all weigh alike."""


def class_weights(
    y: NDArray[np.generic], class_weight: Mapping[int, float] | Literal["balanced"], outputs: int | None
) -> NDArray[np.float32]:
    """(rows,) the weight of each row by its class.

    Args:
        y: (rows,) or (rows, 1) class numbers, or (rows, classes) one-hot, of the rows that are trained on.
        class_weight: class number -> weight, or "balanced": rows / (classes × rows of the class), so that each class
            weighs as much as any other, and all rows together as many as they are.
        outputs: of the model, one a class, or one for two classes; None: not known.

    Raises:
        Infeasible: these targets are no classes, or a class is named that there is no row of and no output for.

    """
    try:
        classes = class_values(y, "class_weight weighs the rows of a class", "leave class_weight out")
    except UsageError as error:
        raise Infeasible(str(error)) from None
    there, place, counts = np.unique(classes, return_inverse=True, return_counts=True)
    if class_weight == BALANCED:
        weights = len(classes) / (len(counts) * counts)
    else:
        known = {*there.tolist(), *range(max(outputs or len(there), 2))}
        for each in class_weight:
            if each not in known:
                raise Infeasible(
                    f"class_weight names class {each}, of which there is no row and for which there is no output: "
                    f"classes are {', '.join(f'{one:g}' for one in sorted(known)[:10])}"
                )
        weights = np.array([class_weight.get(int(each), 1.0) for each in there])
    found: NDArray[np.float32] = weights[place].astype(np.float32)
    return found
