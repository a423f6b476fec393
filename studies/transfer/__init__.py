"""Few labels: sandal against shirt with 200 of them, and what else a network can have learned from before."""

from hpo.study import Fidelity, Holdout, StudyDefinition
from studies.transfer.data import task_b
from studies.transfer.model import build
from studies.transfer.pretraining import pretrain
from studies.transfer.spaces import CHAPTER, WIDE
from studies.transfer.sweeps import BASELINES, SWEEPS

__all__ = ["study"]

study = StudyDefinition(
    name="transfer",
    title="Few labels: sandal against shirt, pretrained or not",
    data=task_b,
    build=build,
    pretrain=pretrain,
    labels=200,
    metric="accuracy",
    direction="maximize",
    spaces=(CHAPTER, WIDE),
    evaluation=Holdout(rows=2_000, stratified=True),
    fidelities=(
        # 4 frozen epochs and 16 more, as the chapter has it; fewer rows are fewer without a label
        Fidelity(name="quick", epochs=20, rows=4_000, trial_seconds=2),
        Fidelity(name="full", epochs=20, trial_seconds=3),
    ),
    baselines=BASELINES,
    source="chapter",
    probe_rows=128,
    sweeps=SWEEPS,
    margin=0.005,  # half a point, as for dnn
)
