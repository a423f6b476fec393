"""What the replays search: every configuration of a small dense network, so that a table can hold all of them.

The dnn definition's networks at a third of their width, on a tenth of its rows: 384 configurations of what decides
most there. One training at `quick` is a sixteenth of the work of one at `full`, as it is there, and one at `middle` a
fourth.
"""

from typing import TYPE_CHECKING

from hpo.data import fashion_mnist
from hpo.study import Baseline, Categorical, Fidelity, Holdout, Params, Space, StudyDefinition
from studies.dnn.model import build

if TYPE_CHECKING:
    from hpo.training import Recipe

__all__ = ["GUIDELINE", "dense"]

GUIDELINE: Params = {
    "hidden_layers": 2,
    "batch_norm": "none",
    "optimizer": "momentum",
    "batch_size": 64,
    "dropout": 0.0,
    "schedule": "one-cycle",
    "learning_rate": 0.01,
}
"""The chapter's guideline, with batches of 64."""


def network(params: Params) -> "Recipe":
    """A configuration of `dense`, as the dnn definition builds it."""
    return build({"activation": "elu", "first_units": 100, "hidden_units": 100, **params})


dense = StudyDefinition(
    name="dense",
    title="A dense network on a tenth of Fashion-MNIST",
    data=fashion_mnist,
    build=network,
    metric="accuracy",
    direction="maximize",
    spaces=(
        Space(
            name="grid",
            params={  # the last vary fastest where the table is trained, and need no program of their own
                "hidden_layers": Categorical(choices=(2, 4)),
                "batch_norm": Categorical(choices=("none", "before")),
                "optimizer": Categorical(choices=("momentum", "nadam")),
                "batch_size": Categorical(choices=(64, 256)),
                "dropout": Categorical(choices=(0.0, 0.3)),
                "schedule": Categorical(choices=("constant", "exponential", "one-cycle")),
                "learning_rate": Categorical(choices=(0.001, 0.003, 0.01, 0.03)),
            },
        ),
    ),
    evaluation=Holdout(rows=5_000, stratified=True),
    fidelities=(
        Fidelity(name="quick", epochs=3, rows=1_500, trial_seconds=0.5),
        Fidelity(name="middle", epochs=3, rows=6_000, trial_seconds=1),
        Fidelity(name="full", epochs=12, rows=6_000, trial_seconds=3),
    ),
    baselines=(Baseline(name="guideline", title="The chapter's guideline", params=GUIDELINE),),
    source="chapter",
)
