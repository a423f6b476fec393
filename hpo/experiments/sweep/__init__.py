"""The tables of a report again, `hpo sweep`: each table measured, or the hand method followed anew.

A request becomes a plan (`sweep_plan.py`), which `sweep_run.py` carries out to a report (`sweep_report.py`);
`sweep_jobs.py` has the trainings behind the tables, `greedy_method.py` the hand method and what it found.
"""

__all__ = ["greedy_method", "sweep_jobs", "sweep_plan", "sweep_report", "sweep_run"]
