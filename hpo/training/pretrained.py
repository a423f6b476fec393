"""Pretrained networks: trained once, kept in files under a key of everything that shaped them, reused by layers.

Of several processes that want the same network one trains it, while the others wait for its file.
"""

import contextlib
import fcntl
import hashlib
import json
import logging
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hpo import settings
from hpo.data import Rows
from hpo.data.structures import parts
from hpo.errors import DataError, DefinitionError
from hpo.files import replacing
from hpo.training.recipe import Recipe
from hpo.training.runtime import exclusive, needs_tensorflow, own_version

if TYPE_CHECKING:
    import keras

__all__ = [
    "Arrays",
    "Weights",
    "folder",
    "kept",
    "key",
    "pretrained",
    "reuse",
]

Weights = Mapping[str, Sequence[NDArray[np.generic]]]
"""Name of a layer -> its weights, in Keras' order (`layer.weights`); layers without any are left out."""


def pretrained(recipe: Recipe, train: Rows, *, epochs: int, metric: str, seed: int) -> Weights:
    """The weights of a recipe's model after a training: read where they are kept, else trained and kept.

    Which file is theirs follows from everything that shapes them, see `key`.

    Args:
        recipe: what to train, made by `hpo.training.build`.
        train: rows to train on.
        epochs: how many.
        metric: as `hpo.training.Run` takes it.
        seed: of the order of the rows.

    Raises:
        DefinitionError: what the recipe does cannot be told from its record, so that there is no key for it.
        DataError: the file cannot be written.
        Diverged: the training left the finite numbers; nothing is kept.

    """
    needs_tensorflow("a pretrained network")

    def make() -> dict[str, NDArray[np.generic]]:
        from hpo.training.run import fit

        model = fit(recipe, train, epochs=epochs, metric=metric, seed=seed).model()
        return {
            f"{position}/{number}": np.asarray(variable)
            for position, layer in enumerate(model.layers)
            for number, variable in enumerate(layer.weights)
        }

    arrays = kept(key(recipe, train, epochs=epochs, metric=metric, seed=seed), make)
    # Kept by position: Keras counts up the names of layers that were given none.
    return {
        layer.name: [arrays[f"{position}/{number}"] for number in range(len(layer.weights))]
        for position, layer in enumerate(recipe.model.layers)
        if layer.weights
    }


@exclusive
def reuse(model: "keras.Model", weights: Weights, layers: Sequence[str]) -> None:
    """Let the named layers of `model` begin with these weights.

    Raises:
        DefinitionError: one of the two has no such layer, or its weights have other shapes.

    """
    ours = {layer.name: layer for layer in model.layers}
    for name in layers:
        if name not in ours or name not in weights:
            where, known = ("model", ours) if name not in ours else ("pretrained network", weights)
            raise DefinitionError(f"the {where} has no layer {name!r} to reuse: it has {', '.join(known)}")
        variables = ours[name].weights
        wanted, had = [tuple(v.shape) for v in variables], [array.shape for array in weights[name]]
        if wanted != had:
            raise DefinitionError(f"layer {name!r} has weights of shapes {wanted}, the pretrained one {had}")
        for variable, array in zip(variables, weights[name], strict=True):
            variable.assign(array)


@exclusive
def key(recipe: Recipe, train: Rows, *, epochs: int, metric: str, seed: int) -> str:
    """A digest, 64 hexadecimal digits, of everything that shapes the weights a training ends with.

    The model's layers and initial weights, the optimizer and its numbers, the loss, all else in the recipe; the rows,
    byte by byte; epochs, metric and seed; the versions of hpo, Keras and TensorFlow. Not: the machine and its number of
    threads, which may change the last digits.

    Raises:
        DefinitionError: the recipe augments or has callbacks, or has a model, an optimizer, a schedule or a loss of
            somebody's own: their code is not in a record.

    """
    import keras
    import tensorflow as tf

    from hpo.training.signature import reusable

    model = recipe.model
    ours = all(_known(part) for part in (recipe.optimizer, recipe.schedule) if part is not None)
    named = isinstance(recipe.loss, str) and recipe.augment is None and not recipe.callbacks
    if not (ours and named and model.built and reusable(model)):
        raise DefinitionError(
            "a pretrained network is kept under what its recipe says, so its model must be of Keras' layers and begin"
            " with an Input, its optimizer be Keras', its schedule hpo's, its loss named, and nothing augment or call"
            " back: change that, or train it with hpo.training.fit"
        )
    told = {
        "versions": [own_version(), keras.__version__, tf.__version__],
        "layers": [
            [f"{type(layer).__module__}.{type(layer).__qualname__}", _nameless(layer)] for layer in model.layers
        ],
        "trainable": [variable.trainable for variable in model.variables],
        "optimizer": [type(recipe.optimizer).__qualname__, _nameless(recipe.optimizer)],
        "loss": recipe.loss,
        "batch_size": recipe.batch_size,
        "rest": [repr(part) for part in _rest(recipe)],
        "training": [epochs, metric, seed],
    }
    digest = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode())
    arrays = [np.asarray(variable) for variable in model.variables]
    given = [array for _, array in (*parts(train.x, "x"), *parts(train.y, "y"))]
    for array in (*arrays, *given, *([] if train.sample_weight is None else [train.sample_weight])):
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _nameless(made: Any) -> dict[str, Any]:
    """The configuration of a layer or an optimizer, without its name, which changes nothing."""
    return {key: value for key, value in made.get_config().items() if key != "name"}


def _known(part: object) -> bool:
    """Whether the code of this object comes with a version that is told."""
    return type(part).__module__.startswith(("keras.", "hpo.training."))


def _rest(recipe: Recipe) -> tuple[Any, ...]:
    """The plain records of a recipe, whose text says all that is in them."""
    return (
        recipe.schedule,
        recipe.clip,
        recipe.penalty,
        recipe.max_norm,
        recipe.stopping,
        recipe.watch,
        recipe.average,
        recipe.phases,
        recipe.class_weight
        if recipe.class_weight is None or isinstance(recipe.class_weight, str)
        else sorted(recipe.class_weight.items()),
        recipe.loss_weights,
    )


Arrays = Mapping[str, NDArray[np.generic]]
"""Name -> array; a name may have slashes."""

_DAMAGED = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)

log = logging.getLogger(__name__)


def folder() -> Path:
    """Where pretrained networks are kept: pretrained in hpo's cache. What is deleted there is made again."""
    return settings.cache_folder() / "pretrained"


def kept(key: str, make: Callable[[], Arrays]) -> dict[str, NDArray[np.generic]]:
    """The arrays of that key: read where they are kept, else made and kept.

    A file is written whole or not at all. Of several processes on a machine one makes the arrays; should it die, the
    next one does. A file that is damaged (its parts carry checksums) is logged and made again.

    Args:
        key: a digest of everything that shaped the arrays, fit to be the name of a file.
        make: called at most once.

    Raises:
        DataError: nothing can be written there. What `make` raises.

    """
    path = folder() / f"{key}.npz"
    found = _read(path)
    if found is not None:
        return found
    with _turn(path):
        found = _read(path)  # another process may have made it while this one waited
        if found is not None:
            return found
        made = {name: np.asarray(array) for name, array in make().items()}
        _sweep(path)
        with _refusals(path), replacing(path) as part, part.open("wb") as file:
            np.savez(file, **made)  # type: ignore[arg-type]  # names of arrays, not its own arguments
        return made


def _read(path: Path) -> dict[str, NDArray[np.generic]] | None:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        return None
    except _DAMAGED as error:
        log.warning("%s cannot be read (%s): the network in it is trained again", path, error)
        return None


@contextlib.contextmanager
def _turn(path: Path) -> Iterator[None]:
    """Alone among the processes of this machine, for this file; the system ends a dead process's turn."""
    with _refusals(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_suffix(".lock").open("wb")  # it stays: who removed it could part two that wait
    with lock:
        with _refusals(path):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sweep(path: Path) -> None:
    """Take away what processes that were killed while they wrote left beside the file; nobody else writes it now."""
    for part in path.parent.glob(f".{path.stem}.*.part{path.suffix}"):
        with contextlib.suppress(OSError):
            part.unlink()


@contextlib.contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or error
        raise DataError(
            f"a pretrained network cannot be kept in {path.parent}: {why}; make room there, or set XDG_CACHE_HOME to"
            " a folder that can be written"
        ) from error
