"""A study's budget: exactly so many slots, each settled once whatever dies in between, and Optuna's trials for them.

A slot (`slot.py`) is one unit of the budget, a trial Optuna's record of one attempt at it. `slots.py` opens slots,
`claiming.py` takes, holds and settles them, `releases.py` frees them, `slot_queries.py` only looks at them;
`eligibility.py` and `dispatch.py` say which studies have one to give now. `slot_trials.py` makes and tells Optuna's
trials, `unmatched_trials.py` finds those a crash left RUNNING, and `recovery.py` puts them right.
"""

__all__ = [
    "claiming",
    "dispatch",
    "eligibility",
    "recovery",
    "releases",
    "slot",
    "slot_queries",
    "slot_trials",
    "slots",
    "unmatched_trials",
]
