"""One trial: configuration, evaluation, value; and what draws and stops them: samplers and pruners."""

from hpo.search.job import Job
from hpo.search.job_objective import Measuring, measuring
from hpo.search.measurement import Measurement, measure
from hpo.search.objective import Objective, objective
from hpo.search.pruning.pruners import default_pruner, make_pruner
from hpo.search.sampling.distinct import Claim, DistinctSampler
from hpo.search.sampling.samplers import make_sampler
from hpo.search.seeds import sampler_seed
from hpo.search.suggest import digest, suggest

__all__ = [
    "Claim",
    "DistinctSampler",
    "Job",
    "Measurement",
    "Measuring",
    "Objective",
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
