"""A study's budget: exactly so many slots, each settled once whatever dies in between, and Optuna's trials for them.

A slot (`slot.py`) is one unit of the budget, a trial Optuna's record of one attempt at it. `slots.py` takes and
settles slots, `releases.py` frees them, `queries.py` only looks at them; `giving.py` and `offers.py` say which studies
have one to give now. `trials.py` makes and tells Optuna's trials, `orphans.py` finds those a crash left RUNNING, and
`recovery.py` puts them right.
"""

__all__ = [
    "giving",
    "offers",
    "orphans",
    "queries",
    "recovery",
    "releases",
    "slot",
    "slots",
    "trials",
]
