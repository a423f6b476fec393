"""The main job: what a person asks, what will be done, and doing it.

Here (`search_run.py`), or by a fleet (`submission.py`).
"""

__all__ = [
    "search_plan",
    "search_request",
    "search_run",
    "study_opening",
    "submission",
]
