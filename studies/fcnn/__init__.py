"""A fully connected network on Boston Housing, tuned by hand in the report and here by search."""

from hpo.data import boston_housing
from hpo.study import Fidelity, KFold, StudyDefinition
from studies.fcnn.claims import CLAIMS
from studies.fcnn.model import build
from studies.fcnn.params import REPORT, WIDE
from studies.fcnn.sweeps import BASELINES, SWEEPS

__all__ = ["study"]

study = StudyDefinition(
    name="fcnn",
    title="Fully connected network on Boston Housing",
    data=boston_housing,
    build=build,
    metric="mae",
    unit="thousand dollars",
    direction="minimize",
    spaces=(REPORT, WIDE),
    evaluation=KFold(folds=5),
    fidelities=(
        Fidelity(name="quick", epochs=50, folds=3, trial_seconds=2),
        Fidelity(name="full", epochs=200, folds=5, trial_seconds=12),
    ),
    baselines=BASELINES,
    sweeps=SWEEPS,
    claims=CLAIMS,
    margin=0.1,  # a hundred dollars
)
