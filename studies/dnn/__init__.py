"""A deep dense network on Fashion-MNIST: the techniques of the chapter on training deep networks, to be searched."""

from hpo.data import fashion_mnist
from hpo.study import Fidelity, Holdout, StudyDefinition
from studies.dnn.ablations import ABLATIONS
from studies.dnn.claims import CLAIMS
from studies.dnn.model import build
from studies.dnn.spaces import CHAPTER, WIDE
from studies.dnn.sweeps import BASELINES, LAYERED, SWEEPS

__all__ = ["study"]

study = StudyDefinition(
    name="dnn",
    title="Deep dense network on Fashion-MNIST",
    data=fashion_mnist,
    build=build,
    metric="accuracy",
    direction="maximize",
    spaces=(CHAPTER, WIDE),
    evaluation=Holdout(rows=10_000, stratified=True),
    fidelities=(
        Fidelity(name="quick", epochs=3, rows=30_000, trial_seconds=10),
        Fidelity(name="full", epochs=30, trial_seconds=80),
    ),
    baselines=BASELINES,
    source="chapter",
    sweeps=SWEEPS,
    claims=CLAIMS,
    ablations=ABLATIONS,
    probe_rows=256,
    layered=LAYERED,
    margin=0.005,  # half a point, as for cnn: the 95 % interval of one test score at 0.9 is as wide
)
