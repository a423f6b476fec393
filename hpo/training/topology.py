"""Which layer of a Functional or Sequential model feeds which."""

from typing import Any

from hpo.training.keras_internals import input_tensors, made_by

__all__ = ["Topology"]


class Topology:
    """The graph of a model's own layers, one that is a model itself counting as one; by the tensors between them."""

    def __init__(self, model: Any) -> None:
        """`model` is built, and its layers were called to build it and in no other model."""
        self._model = model

    def uses(self, layer: Any) -> int:
        """In how many places the layer stands, counted by the tensors it takes."""
        return len(input_tensors(layer))

    def before(self, layer: Any) -> Any:
        """The one layer that feeds this one and nothing else; None where there is none."""
        tensors = input_tensors(layer)
        found = made_by(tensors[0]) if len(tensors) == 1 else None
        return None if found is None or len(self._fed(found)) != 1 else found

    def after(self, layer: Any) -> Any:
        """The one layer that this one feeds, and that takes nothing else; None where there is none."""
        fed = self._fed(layer)
        return None if len(fed) != 1 or fed[0] is None or self.uses(fed[0]) != 1 else fed[0]

    def _fed(self, layer: Any) -> list[Any]:
        """The layers that take this one's output, one entry each time; None for an output of the model."""
        takers: list[Any] = [other for other in self._model.layers for t in input_tensors(other) if made_by(t) is layer]
        return takers + [None for t in self._model.outputs if made_by(t) is layer]
