"""Machine against hand, `hpo compare`: the optimum of a search and the hand-picked configuration, in pairs.

`comparison_request.py` is what is asked and who meets whom, `comparison_plan.py` the stages, `comparison_jobs.py` the
trainings of each, `comparison_run.py` does them and judges, `comparison_left.py` leaves them to a fleet,
`interim_analyses.py` counts how often somebody judged, and `comparison_report.py` is what was found.
"""

__all__ = [
    "budget",
    "comparison_jobs",
    "comparison_left",
    "comparison_plan",
    "comparison_report",
    "comparison_request",
    "comparison_run",
    "interim_analyses",
]
