"""What can be searched, as plain records: no Optuna, no Keras, nothing that takes time to import."""

from hpo.study.ablation import Ablation, Technique
from hpo.study.baseline import Baseline
from hpo.study.claim import Claim, Contrast, ContrastFigure, Relation
from hpo.study.definition import StudyDefinition, always_feasible
from hpo.study.direction import Direction
from hpo.study.evaluation import Evaluation, Holdout, KFold
from hpo.study.fidelity import Fidelity
from hpo.study.parameters import Categorical, Domain, Float, Int, Params, ParamValue, When
from hpo.study.space import Space
from hpo.study.sweep import Row, Sweep

__all__ = [
    "Ablation",
    "Baseline",
    "Categorical",
    "Claim",
    "Contrast",
    "ContrastFigure",
    "Direction",
    "Domain",
    "Evaluation",
    "Fidelity",
    "Float",
    "Holdout",
    "Int",
    "KFold",
    "ParamValue",
    "Params",
    "Relation",
    "Row",
    "Space",
    "StudyDefinition",
    "Sweep",
    "Technique",
    "When",
    "always_feasible",
]
