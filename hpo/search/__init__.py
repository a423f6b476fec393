"""One trial: configuration, evaluation, value; and what draws and stops them: samplers and pruners.

- `objective(definition)` is a plain Optuna callable. What cannot be trained is told by `trial.set_constraint`, the user
  attribute `reason` and TrialPruned, before anything is built; so is what diverges.
- User attributes of a trial: `seed`, `reason` where there is one, `train` (the last epoch's), `epochs`,
  `compile_seconds`, `fit_seconds`, each cost by its name, `probes` where the definition asks for them.
- `OwnObjective` runs an Optuna objective of somebody's own as it is.
- A sampler is wrapped so that a configuration is drawn whole, and drawn again where it was tried before; `claim` lets a
  storage make that safe between processes. With a `cost` the dearer ones are drawn more rarely. Samplers and pruners
  are refused, with the reason, where they cannot work. `WindowedSampler` and `WindowedPruner` show them a `Window` of a
  long study.
- A `Job` is one measurement: a configuration, a seed, and which rows it trains on and is scored on. Its key is a digest
  of these, so the same thing is never measured twice.

How samplers and pruners are set, and why folds are trained in step: docs/search.md.
"""

from hpo.search.distinct import Claim, DistinctSampler
from hpo.search.job import Job, Measuring, measuring
from hpo.search.measurement import Measurement, measure
from hpo.search.objective import Objective, objective
from hpo.search.own_objective import AlivePruner, OwnObjective
from hpo.search.pruners import default_pruner, make_pruner
from hpo.search.samplers import make_sampler
from hpo.search.seeds import sampler_seed
from hpo.search.suggest import digest, suggest
from hpo.search.trial_window import Window
from hpo.search.windowed_search import WindowedPruner, WindowedSampler

__all__ = [
    "AlivePruner",
    "Claim",
    "DistinctSampler",
    "Job",
    "Measurement",
    "Measuring",
    "Objective",
    "OwnObjective",
    "Window",
    "WindowedPruner",
    "WindowedSampler",
    "default_pruner",
    "digest",
    "make_pruner",
    "make_sampler",
    "measure",
    "measuring",
    "objective",
    "sampler_seed",
    "suggest",
]
