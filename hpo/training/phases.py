"""Phases of one training: some layers frozen at first, then trained with the others at a rate of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from hpo.errors import DefinitionError
from hpo.study.checked_records import Name, check

__all__ = ["Phase", "Span", "freeze", "spans"]


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A part of a training. Weights are carried over to the next, the optimizer begins anew, as after `compile`.

    The schedule is laid out over each phase by itself, from the phase's rate.

    Raises:
        DefinitionError: a field is not of its kind, the epochs are below 1, or the rate is below 0.

    """

    epochs: int | None = None  # None: to the end of the run; the last phase goes on to it anyway
    frozen: tuple[Name, ...] = ()  # names of layers that are not trained, beside those the model itself has frozen
    rate: float | None = None  # initial learning rate; None: the optimizer's own

    def __post_init__(self) -> None:
        check(self)
        if self.epochs is not None and self.epochs < 1:
            raise DefinitionError(f"a phase of {self.epochs} epochs: give at least 1, or None for all that are left")
        if self.rate is not None and self.rate < 0:
            raise DefinitionError(f"a phase with a learning rate of {self.rate}: give at least 0")


class Span(NamedTuple):
    """The epochs of one phase in a run."""

    first: int  # from 0
    epochs: int
    phase: Phase
    full_epochs: int  # of the phase in the full training that the run is a miniature of; `epochs` where it is none


def spans(phases: Sequence[Phase], epochs: int, full_epochs: int) -> list[Span]:
    """The phases that begin within a run, in proportion to those of a full training.

    Each has at least one epoch while there are enough; where there are not, the first ones are left out.

    Args:
        phases: in order.
        epochs: of the run.
        full_epochs: of the full training; `epochs` for a run that is itself one.

    """
    whole = _spans_of_full(phases, full_epochs)
    found: list[Span] = []
    first = 0
    for later, (begin, long, phase) in zip(reversed(range(len(whole))), whole, strict=True):
        end = min(max(round((begin + long) * epochs / full_epochs), first + 1), epochs - later)
        if end > first:
            found.append(Span(first, end - first, phase, long))
            first = end
    return found


def _spans_of_full(phases: Sequence[Phase], epochs: int) -> list[tuple[int, int, Phase]]:
    """The phases that begin within a training of `epochs`: first epoch, from 0, number of epochs, phase."""
    found = []
    first = 0
    for number, phase in enumerate(phases):
        if first >= epochs:
            break
        last = phase.epochs is None or number == len(phases) - 1
        long = epochs - first if last else min(phase.epochs or 0, epochs - first)
        found.append((first, long, phase))
        first += long
    return found


def freeze(model: Any, names: Sequence[str], trainable: Sequence[tuple[Any, bool]]) -> None:
    """Freeze the layers of these names, and what is in them, and no others but those frozen before any phase.

    `trainable`: every layer and whether it was trainable then, one that holds others before those it holds.

    Raises:
        DefinitionError: the model has no layer of such a name, or nothing is left to train.

    """
    from hpo.training.keras_internals import all_layers

    layers = {layer.name: layer for layer in all_layers(model, itself=False)}
    unknown = [name for name in names if name not in layers]
    if unknown:
        weighty = ", ".join(name for name, layer in layers.items() if layer.weights)
        raise DefinitionError(f"there is no layer {unknown[0]!r} to freeze: those with weights are {weighty}")
    for layer, before in trainable:
        layer.trainable = before
    for name in names:
        layers[name].trainable = False
    if not model.trainable_variables:
        raise DefinitionError(f"freezing {', '.join(names)} leaves no weights to train: leave a layer out")
