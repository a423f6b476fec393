"""How much the rows of each class weigh in the loss: as Keras's fit has it, and scikit-learn's "balanced"."""

from collections.abc import Mapping, Sequence
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

_Weights = Mapping[int | str, float] | Literal["balanced"]


def _look(given: Any, what: str) -> "_Weights | None":
    if given is None:
        return None
    if isinstance(given, str) and given == BALANCED:
        return BALANCED
    if not isinstance(given, Mapping) or not given:
        raise DefinitionError(f"{what} is {shown(given)}: give classes and their weights, such as {_EXAMPLE}")
    found: dict[int | str, float] = {}
    for key, value in given.items():
        name = plain(key)
        if not isinstance(name, str):
            if not isinstance(name, int | float) or name != int(name):
                raise DefinitionError(
                    f"{what} names a class {shown(key)}: give class numbers, such as {_EXAMPLE}, or names of labels"
                )
            name = int(name)
        found[name] = number(value, f"{what} of class {name}")
        if found[name] < 0:
            raise DefinitionError(f"{what} of class {name} must be 0 or more, not {shown(value)}")
    return found


ClassWeight = Annotated[_Weights | None, By(_look)]
"""Class number, or name of a label -> weight, classes that are not named weighing 1; "balanced"; None: all alike."""


def class_weights(
    y: NDArray[np.generic], class_weight: _Weights, outputs: int | None, names: Sequence[str] = ()
) -> NDArray[np.float32]:
    """(rows,) the weight of each row by its class.

    Args:
        y: (rows,) or (rows, 1) class numbers, or (rows, classes) one-hot, of the rows that are trained on.
        class_weight: class number or name -> weight, or "balanced": rows / (classes × rows of the class), so that each
            class weighs as much as any other, and all rows together as many as they are.
        outputs: of the model, one a class, or one for two classes; None: not known.
        names: of the classes, in the order of their numbers; empty: they have none.

    Raises:
        Infeasible: these targets are no classes, a class is named that there is no row of and no output for, or one
            by a name that none has, or twice.

    """
    try:
        classes = class_values(y, "class_weight weighs the rows of a class", "leave class_weight out")
    except UsageError as error:
        raise Infeasible(str(error)) from None
    there, place, counts = np.unique(classes, return_inverse=True, return_counts=True)
    if class_weight == BALANCED:
        weights = len(classes) / (len(counts) * counts)
    else:
        by_number = _numbered(class_weight, names)
        known = {*there.tolist(), *range(max(outputs or len(there), 2))}
        for each in by_number:
            if each not in known:
                raise Infeasible(
                    f"class_weight names class {each}, of which there is no row and for which there is no output: "
                    f"classes are {', '.join(f'{one:g}' for one in sorted(known)[:10])}"
                )
        weights = np.array([by_number.get(int(each), 1.0) for each in there])
    found: NDArray[np.float32] = weights[place].astype(np.float32)
    return found


def _numbered(class_weight: Mapping[int | str, float], names: Sequence[str]) -> dict[int, float]:
    """Class number -> weight. Raises Infeasible."""
    found: dict[int, float] = {}
    for each, weight in class_weight.items():
        if isinstance(each, str) and each not in names:
            classes = f"classes are {', '.join(names[:10])}" if names else "the classes have no names: give numbers"
            raise Infeasible(f"class_weight names class {each!r}, and {classes}")
        place = names.index(each) if isinstance(each, str) else each
        if place in found:
            raise Infeasible(f"class_weight names class {place} twice, by its number and as {names[place]!r}")
        found[place] = weight
    return found
