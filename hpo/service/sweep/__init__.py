"""The tables of a report again, `hpo sweep`: each table measured, or the hand method followed anew (`greedy.py`)."""

__all__ = [
    "greedy",
    "greedy_report",
    "plan",
    "report",
    "request",
    "run",
]
