"""The definitions the benchmarks search: fcnn on one split, so that one trial is one training on every side."""

from dataclasses import replace

from hpo.study import Fidelity, Holdout
from studies.fcnn import study as fcnn

__all__ = ["fcnn_split"]

fcnn_split = replace(
    fcnn,
    name="fcnn-split",
    evaluation=Holdout(rows=81),  # a fifth of the 404 development rows
    fidelities=(Fidelity(name="full", epochs=200),),
)
