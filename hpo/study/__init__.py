"""What can be searched, as plain records: no Optuna, no Keras, nothing that takes time to import.

- Every field of a record is checked where the record is made: `check(self)` looks at each as its annotation says, with
  limits as in `Annotated[int, Least(1)]`, and keeps it in Python's own types (NumPy's are taken for them), or refuses
  it in one line that names it. Records of other layers do the same; `arguments(UsageError)` does it for functions.
- `registry.find(reference)` finds what can be searched in whatever process: a name, `package.module:attribute` or
  `path/to/file.py:attribute`. It is a `StudyDefinition`, or a `PlainObjective`, any function of an Optuna trial; both
  have the face `Searchable`, and `registry.load` refuses all but a definition. A file's folder comes last on the
  import path, so that what lies beside it hides no library. A process has one module a name: a definition that would
  get another one's, or an older text, is refused.
- Code of definitions runs contained, when its file is imported and when its functions are called: what it raises ends
  what was asked and nothing else, `sys.exit` and `os._exit` too. What it changes of the process is put back.
- `StudyDefinition.version` is a digest of a definition's code, the files of its own folder that it imports included:
  workers with another version leave its studies alone.
- `objectives` knows the metrics of Keras by name, and which way each is better, without importing Keras.
"""

from hpo.study.baseline import Baseline
from hpo.study.claim import Claim, Contrast, ContrastFigure, Relation
from hpo.study.definition import StudyDefinition
from hpo.study.direction import Direction
from hpo.study.evaluation import (
    Evaluation,
    Fidelity,
    GroupHoldout,
    Holdout,
    KFold,
    OwnSplits,
    TimeSeriesSplit,
    ValidationData,
)
from hpo.study.infeasibility import always_feasible
from hpo.study.own_metric import Metric, OwnMetric, ScoreFunction
from hpo.study.space import Categorical, Domain, Float, Int, Params, ParamValue, Space, When
from hpo.study.sweep_table import Ablation, Row, Sweep, Technique

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
    "GroupHoldout",
    "Holdout",
    "Int",
    "KFold",
    "Metric",
    "OwnMetric",
    "OwnSplits",
    "ParamValue",
    "Params",
    "Relation",
    "Row",
    "ScoreFunction",
    "Space",
    "StudyDefinition",
    "Sweep",
    "Technique",
    "TimeSeriesSplit",
    "ValidationData",
    "When",
    "always_feasible",
]
