"""Machine against hand, `hpo compare`: who meets whom, the stages, the interim analyses, and what it found.

`contestants.py` finds the sides, `stages.py` what comes after what, `comparison_race.py` and `pairs.py` the jobs of
each stage, `training_failures.py` how often each side failed to train; `comparison_run.py` puts them together.
"""

__all__ = [
    "budget",
    "comparison_plan",
    "comparison_race",
    "comparison_report",
    "comparison_request",
    "comparison_run",
    "contestants",
    "interim_analyses",
    "pairs",
    "record_json",
    "stages",
    "training_failures",
]
