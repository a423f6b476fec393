"""Measuring: jobs, each a configuration known already, done by the workers that run a search.

A study that measures is made by `study`, its jobs are done by `measure` and read by `results`; `withdraw` takes back
jobs nobody asks for any more. What sweeps and comparisons stand on.
"""

from hpo.experiments.measure.measure_run import changed, estimate, measure, study
from hpo.experiments.measure.measurement_result import Result, results
from hpo.fleet.worker.run_limits import Limits

__all__ = ["Limits", "Result", "changed", "estimate", "measure", "results", "study"]
