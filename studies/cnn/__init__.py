"""A convolutional network on Fashion-MNIST, tuned by hand in the report and here by search."""

from hpo.data import fashion_mnist
from hpo.study import Fidelity, Holdout, StudyDefinition
from studies.cnn.claims import CLAIMS
from studies.cnn.model import build
from studies.cnn.params import REPORT, WIDE, infeasible
from studies.cnn.sweeps import BASELINES, SWEEPS

__all__ = ["study"]

study = StudyDefinition(
    name="cnn",
    title="Convolutional network on Fashion-MNIST",
    data=fashion_mnist,
    build=build,
    metric="accuracy",
    direction="maximize",
    spaces=(REPORT, WIDE),
    evaluation=Holdout(rows=10_000, stratified=True),
    fidelities=(
        Fidelity(name="quick", epochs=3, rows=10_000, trial_seconds=10),
        Fidelity(name="middle", epochs=5, rows=20_000, trial_seconds=35),
        Fidelity(name="full", epochs=10, trial_seconds=130),
    ),
    baselines=BASELINES,
    sweeps=SWEEPS,
    claims=CLAIMS,
    margin=0.005,  # half a point; the 95 % interval of one test score at 0.93 is as wide
    infeasible=infeasible,
)
