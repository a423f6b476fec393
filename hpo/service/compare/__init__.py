"""Machine against hand, `hpo compare`: who meets whom, the stages, the interim analyses, and what it found.

`contest.py` finds the sides, `stages.py` what comes after what, `race.py` and `pairs.py` the jobs of each stage,
`failed.py` how often each side failed to train; `run.py` puts them together.
"""

__all__ = [
    "budget",
    "contest",
    "failed",
    "interim_analyses",
    "outline",
    "pairs",
    "race",
    "records",
    "report",
    "request",
    "run",
    "stages",
]
