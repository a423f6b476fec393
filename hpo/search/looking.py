"""A look into a network that is being trained, which training does not notice."""

from typing import TYPE_CHECKING

from hpo.data import Rows

if TYPE_CHECKING:
    from hpo.training import Recipe, Run
    from hpo.training.probes import Probe

__all__ = ["look"]


def look(run: "Run", recipe: "Recipe", rows: Rows, number: int) -> "Probe":
    """What a training's network looks like now, on `number` of its training rows, spread evenly over them.

    Raises:
        DefinitionError: the model is a class of somebody's own, or no layer of it has a kernel.

    """
    from hpo.training.probes import probe

    stride = max(len(rows) // number, 1)
    some = Rows(x=rows.x[::stride][:number], y=rows.y[::stride][:number])
    return probe(run.model(), recipe.loss, some, epoch=run.epochs_done, clip=recipe.clip)
