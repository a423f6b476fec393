"""The tables of a report again, `hpo sweep`: each table measured, or the hand method followed anew (`greedy.py`).

A request (`request.py`) becomes a plan (`plan.py`), which `run.py` carries out; `jobs.py` has the trainings behind the
tables.
"""

__all__ = [
    "greedy",
    "greedy_report",
    "jobs",
    "plan",
    "report",
    "request",
    "run",
]
