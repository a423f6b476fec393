"""The program a run trains in: one shared with all runs of its shape, where a clone of the model may stand for it."""

import warnings
from collections.abc import Callable
from typing import Any

import keras

from hpo.errors import HpoWarning
from hpo.messages import one_line
from hpo.training import cloning
from hpo.training.compiled_program import Owner, Program, programs
from hpo.training.keras_internals import all_layers
from hpo.training.loop import CompiledLoop
from hpo.training.recipe import Recipe
from hpo.training.row_tensors import RowTensors
from hpo.training.signature import signature

__all__ = ["Sharing"]


class _Unlike(Exception):  # noqa: N818 - a finding
    """A clone is not the model."""


class Sharing:
    """How one run comes by its program."""

    def __init__(self, recipe: Recipe, data: RowTensors, *, metric: str | None, jit: bool) -> None:
        """Of a recipe whose model is built, and its training rows as tensors."""
        self._recipe = recipe
        self._data = data
        self._metric = metric
        self._jit = jit
        self._alone = False  # whether its program is for this run alone
        self._key = ""

    def begin(self, owner: Owner, seed: int) -> None:
        """Give `owner` the state its training, or the next phase of it, begins with.

        Raises:
            DefinitionError: the optimizer cannot be made anew, the loss or the metric is unknown.

        """
        if not self._alone and self._joined(owner, seed):
            return
        self._alone = True
        model = self._recipe.model
        self._key = f"model {id(model)} {[layer.trainable for layer in all_layers(model)]}"
        owner.state = self.program().fresh(self._recipe, seed)

    def program(self, warm: Callable[[Program], object] | None = None, *, first: bool = False) -> Program:
        """The program; where it was let go, another one.

        Args:
            warm: compiles what is not compiled yet; what cannot be is dropped, nothing of it being run again.
            first: whether to compile in any case: the program may be another run's, with fewer functions in use.

        """
        program, new = programs.get(self._key, self._make)
        if warm is not None and (new or first):
            try:
                warm(program)
            except BaseException:
                programs.discard(self._key)
                raise
        return program

    def _joined(self, owner: Owner, seed: int) -> bool:
        """Whether there is a program to share, made now or before; `owner` has its state for it then."""
        shapes = (*self._data.kind, len(self._data.x) if self._jit else None)
        key = signature(self._recipe, shapes=shapes, metric=self._metric, jit=self._jit)
        if key is None:
            return False
        self._key = key
        try:
            program, new = programs.get(key, self._make)
            owner.state = program.fresh(self._recipe, seed)
            if not new:
                self._compare(program, owner)
        except _Unlike as found:
            _say(
                f"a clone of the model is not the model ({found}), so it is trained itself and compiled for each "
                "training anew, which takes a second or so longer"
            )
            return False
        return True

    def _make(self) -> Program:
        recipe = self._recipe
        common: dict[str, Any] = {"data": self._data, "metric": self._metric, "jit": self._jit}
        model = recipe.model if self._alone else self._clone()
        return Program(model, CompiledLoop(recipe, model, **common), **common)

    def _clone(self) -> keras.Model:
        model = self._recipe.model
        try:
            clone = cloning.cloned(model)
        except Exception as error:  # whatever its author's code raises
            raise _Unlike(one_line(error)) from error
        self._refuse_unlike(clone, by_running=True)
        return clone

    def _compare(self, program: Program, owner: Owner) -> None:
        """Look whether the program's model, made from another recipe's, is this one's too, given its weights."""
        if _all_keras(self._recipe.model):  # these are what their configuration, variables and attributes say
            self._refuse_unlike(program.model, by_running=False)
            return
        program.acquire(owner)
        try:
            self._refuse_unlike(program.model, by_running=True)
        except _Unlike:
            program.release()
            raise

    def _refuse_unlike(self, clone: keras.Model, *, by_running: bool) -> None:
        model, some = self._recipe.model, slice(0, min(cloning.ROWS, self._recipe.batch_size))
        found = cloning.attribute_difference(model, clone)
        if found is None and by_running:
            x, y = self._data.x[some], self._data.y[some]
            found = cloning.behavior_difference(model, clone, self._recipe.loss, x, y)
        if found is not None:
            raise _Unlike(found)


def _all_keras(model: keras.Model) -> bool:
    """Whether all its layers are Keras's or ours."""
    return all(type(layer).__module__.partition(".")[0] in ("keras", "hpo") for layer in all_layers(model))


def _say(text: str) -> None:
    warnings.warn(text, HpoWarning, stacklevel=2)
