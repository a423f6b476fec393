"""What two objects that should be alike differ in, as far as their attributes tell."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

__all__ = ["difference", "identity"]

_DEEP = 3  # objects within objects that are looked into
_OWN_LIFE = ("name", "seed", "built")  # these differ between objects that do the same


def difference(one: Any, other: Any) -> str | None:
    """The first attribute with a value of its own in two layers or optimizers, in words; None where there is none.

    Compared are numbers, texts, arrays, functions, collections of them, and what plain objects hold of them. What Keras
    keeps for itself is not: private attributes of its own classes, and those that every layer and optimizer has.

    Args:
        one: a layer or optimizer.
        other: what should do the same; of the same class.

    """
    ours, theirs = _attributes(one), _attributes(other)
    for name in sorted({*ours, *theirs}):
        if name not in ours or name not in theirs:
            return f"only one of them has {name}"
        if not _alike(ours[name], theirs[name], _DEEP):
            return f"{name} is {_short(ours[name])} in one and {_short(theirs[name])} in the other"
    return None


def identity(function: Callable[..., Any] | None) -> str:
    """What a function computes, as far as that can be known: its code and the plain values it closes over."""
    if function is None:
        return "none"
    if isinstance(function, functools.partial):
        values = [*function.args, *sorted(function.keywords.items())]
        return f"partial {identity(function.func)} {[_value(value) for value in values]}"
    code = getattr(function, "__code__", None)
    if code is None or getattr(function, "__self__", None) is not None:
        return f"object {id(function)}"
    cells = [_value(cell.cell_contents) for cell in getattr(function, "__closure__", None) or ()]
    return f"code {id(code)} {cells} {_value(function.__defaults__)} {_value(function.__kwdefaults__)}"


def _value(value: object) -> str:
    plain = isinstance(value, (int, float, str, bool, bytes, type(None)))
    if isinstance(value, tuple):
        return f"({', '.join(_value(item) for item in value)})"
    return repr(value) if plain else f"{type(value).__qualname__} {id(value)}"


def _attributes(thing: Any) -> Mapping[str, Any]:
    common = _common()
    given = {name: value for name, value in vars(thing).items() if name not in common}
    if not _foreign(thing):
        return given
    # What such an object keeps in tensors it has from its variables.
    return {name: value for name, value in given.items() if name[0] != "_" and not keras.ops.is_tensor(value)}


@functools.cache
def _common() -> frozenset[str]:
    """What every layer and every optimizer has, and what differs without a difference."""
    layer = keras.layers.Layer()
    layer.build(())
    optimizer = keras.optimizers.SGD()
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return frozenset({*vars(layer), *vars(optimizer), *_OWN_LIFE, "_build_shapes_dict", "_initializer"})


def _foreign(thing: Any) -> bool:
    """Whether its class is a library's: what such an object keeps inside is not for us to compare."""
    return type(thing).__module__.partition(".")[0] in ("keras", "tensorflow", "numpy")


def _alike(one: Any, other: Any, deep: int) -> bool:
    if one is other:
        return True
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_alike(one[key], other[key], deep) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(_alike(a, b, deep) for a, b in zip(one, other, strict=True))
    if isinstance(one, bool | int | float | complex | str | bytes | set | frozenset | type(None)):
        return _equal(one, other)
    if isinstance(one, np.generic | np.ndarray) or keras.ops.is_tensor(one):
        return _equal(np.asarray(one), np.asarray(other))
    if hasattr(one, "__code__") and hasattr(other, "__code__"):  # a method is compared as what it is a method of
        return identity(getattr(one, "__func__", one)) == identity(getattr(other, "__func__", other))
    if type(one) is not type(other):
        return False
    if isinstance(one, keras.Layer) or _foreign(one) or not hasattr(one, "__dict__") or not deep:
        return True  # a layer within a layer is looked at by itself
    return _alike(vars(one), vars(other), deep - 1)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        floats = one.dtype.kind in "fc"
        return bool(np.array_equal(one, other, equal_nan=floats and other.dtype.kind in "fc"))
    return bool(one == other or (one != one and other != other))  # NaN is not itself


def _short(value: Any) -> str:
    return f"{value!r:.60}"
