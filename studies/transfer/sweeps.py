"""The chapter's recipe and its rival from scratch, and a table for each choice of it: that alone varied, all else held.

The chapter prints no figures, so no row has a reported one.
"""

from collections.abc import Sequence

from hpo.study import Baseline, Params, Row, Sweep
from studies.transfer.params import written
from studies.transfer.spaces import CHAPTER, WIDE

__all__ = ["BASELINES", "RECIPE", "SCRATCH", "SWEEPS"]

RECIPE: Params = written(
    CHAPTER,
    {
        "source": "task_a",
        "reused": 4,
        "frozen_epochs": 4,
        "frozen_rate": 0.01,  # of Keras' SGD, which the chapter names without a rate
        "unfreeze": "all",
        "learning_rate": 0.0001,
    },
)
"""Reuse all but the output layer, freeze, 4 epochs, unfreeze, 16 epochs at 1e-4."""

SCRATCH: Params = written(CHAPTER, {"source": "none", "reused": 4, "learning_rate": 0.01})
"""The same network on the same few labels with nothing reused, at the rate of Keras' SGD."""

BASELINES = tuple(
    Baseline(name=name, title=title, params=params, elsewhere={WIDE.name: written(WIDE, params)})
    for name, title, params in (
        (
            "recipe",
            "The chapter's recipe: all but the output layer reused, frozen for 4 epochs, then fine-tuned",
            RECIPE,
        ),
        ("scratch", "The same network with nothing reused", SCRATCH),
    )
)


def _table(name: str, title: str, changes: Sequence[Params]) -> Sweep:
    """A table of the recipe and what is changed in it; a row that lacks a parameter takes it out of the base."""
    configurations = [written(CHAPTER, {**RECIPE, **change}) for change in changes]
    base = {
        key: value
        for key, value in RECIPE.items()
        if all(configuration.get(key, ...) == value for configuration in configurations)
    }
    return Sweep(
        id=name,
        title=title,
        base=base,
        rows=tuple(
            Row(setting={key: value for key, value in configuration.items() if key not in base})
            for configuration in configurations
        ),
        chosen=configurations.index(dict(RECIPE)),
    )


SWEEPS = (
    _table(
        "source",
        "What was pretrained for",
        # Nothing pretrained trains at its own rate: at the recipe's 1e-4 it would hardly move.
        [{**SCRATCH}, *({"source": source} for source in ("task_a", "autoencoder", "rotation"))],
    ),
    _table("reused", "Layers reused", [{"reused": layers} for layers in (1, 2, 3, 4)]),
    _table(
        "frozen",
        "Epochs frozen",
        [{"frozen_epochs": epochs} for epochs in (0, 4, 8)],
    ),
    _table("unfreeze", "What is unfrozen after", [{"unfreeze": what} for what in ("none", "top", "all")]),
    _table("rate-before", "Learning rate while frozen", [{"frozen_rate": rate} for rate in (0.001, 0.01)]),
    _table("rate-after", "Learning rate after", [{"learning_rate": rate} for rate in (0.0001, 0.001, 0.01)]),
    _table("head", "Hidden layers of the head", [{"head_layers": layers} for layers in (0, 1)]),
)
