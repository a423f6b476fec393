"""Callbacks of a training by Keras's fit: the rates of its steps, its losses, signs of life; many fits as one."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpo.errors import DefinitionError, Diverged
from hpo.training.epoch_parts import LONG, PARTS, EpochParts

__all__ = ["Callbacks", "Steps"]


class Callbacks(keras.callbacks.CallbackList):  # type: ignore[misc]
    """Callbacks to whom the fits of all epochs are one training."""

    def on_train_begin(self, logs: Any = None) -> None:
        """Not told of each fit."""

    def on_train_end(self, logs: Any = None) -> None:
        """Not told of each fit."""

    def begin(self) -> None:
        """Tell them that the training begins."""
        super().on_train_begin()

    def end(self, logs: Mapping[str, Any]) -> None:
        """Tell them that it is over."""
        super().on_train_end(dict(logs))


class Steps(keras.callbacks.Callback):  # type: ignore[misc]
    """Sets the rate of each step and looks at what comes of it.

    `logs` is what the latest epoch came to. `raw` are the weights as its last step left them, where the optimizer keeps
    averages: fit ends with these. `halted`: a callback has ended the training.
    """

    def __init__(self, model: keras.Model) -> None:
        super().__init__()
        self._trained = model
        self._averages = _averages(model.optimizer)
        self._parts: EpochParts | None = None
        self._spans: Iterator[tuple[int, int]] = iter(())
        self._number = 0
        self._rates: NDArray[np.float32] | None = None
        self._rate: float | None = None  # as it was set last
        self._beat: Callable[[], object] | None = None
        self._until = 0  # the step after the last one of this part
        self._beaten = 0.0
        self.logs: dict[str, Any] = {}
        self.raw: list[Any] | None = None
        self.halted = False

    def arm(
        self, number: int, steps: int | None, rates: NDArray[np.float32] | None, beat: Callable[[], object] | None
    ) -> None:
        """Prepare for the epoch of that number, from 1, with that many steps.

        Args:
            number: of the epoch, from 1.
            steps: of it; None: not known.
            rates: of each step; None: the optimizer's own.
            beat: a sign of life; may raise to stop.

        """
        self._number, self._rates, self._beat = number, rates, beat
        self._beaten = time.perf_counter()
        if steps is not None and beat is not None:
            self._parts = self._parts or EpochParts(steps)
            self._spans = self._parts.spans()
            _, self._until = next(self._spans)
        else:
            self._parts = None

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 - as Keras's
        """Set the rate of the step."""
        if self._rates is None:
            return
        rate = float(self._rates[batch])
        if rate == self._rate:
            return
        if keras.config.backend() == "jax":  # within an epoch what the step changes is out of the model
            self._trained.jax_state_sync()
        self._trained.optimizer.learning_rate = self._rate = rate

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Look at the loss, and give a sign of life where the epoch takes long."""
        if "loss" not in (logs or {}):
            raise DefinitionError(
                f"the train_step of {type(self._trained).__name__} returns {', '.join(logs or {}) or 'nothing'}: let "
                'it return "loss" too, which says how far a training is'
            )
        if not np.isfinite(float(logs["loss"])):
            raise Diverged(epoch=self._number, step=batch + 1)
        if self._beat is None:
            return
        if self._parts is None:
            if time.perf_counter() - self._beaten > LONG / PARTS:
                self._beat()
                self._beaten = time.perf_counter()
        elif batch + 1 == self._until:
            following = next(self._spans, None)
            if following is not None:
                self._until = following[1]
                self._beat()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 - as Keras's
        """Keep what it came to."""
        self.logs = dict(logs or {})
        if self._averages:
            self.raw = [keras.ops.convert_to_numpy(variable) for variable in self._trained.trainable_variables]

    def look(self) -> None:
        """See whether a callback has ended the training."""
        self.halted = bool(self._trained.stop_training)


def _averages(optimizer: Any) -> bool:
    """Whether fit ends with averages of the weights."""
    within = [*getattr(optimizer, "optimizers", ()), getattr(optimizer, "inner_optimizer", None)]
    return bool(optimizer.use_ema) or any(_averages(one) for one in within if one is not None)
