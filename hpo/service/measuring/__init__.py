"""Measuring: jobs, each a configuration known already, done by the workers that run a search.

A study that measures is made by `study`, its jobs are done by `measure` and read by `results`; `withdraw` takes back
jobs nobody asks for any more. What sweeps and comparisons stand on.
"""

from hpo.service.measuring.result import Result, results
from hpo.service.measuring.running import changed, estimate, measure, study
from hpo.service.workers.limits import Limits

__all__ = ["Limits", "Result", "changed", "estimate", "measure", "results", "study"]
