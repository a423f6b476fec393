"""The tables of a report again, `hpo sweep`: each table measured, or the hand method followed anew.

The latter is `greedy_method.py`.

A request (`sweep_request.py`) becomes a plan (`sweep_plan.py`), which `sweep_run.py` carries out; `sweep_jobs.py` has
the trainings behind the tables.
"""

__all__ = [
    "greedy_method",
    "greedy_report",
    "sweep_jobs",
    "sweep_plan",
    "sweep_report",
    "sweep_request",
    "sweep_run",
]
