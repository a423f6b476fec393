"""A study's budget: exactly so many slots, each settled once whatever dies in between, and Optuna's trials for them.

A slot (`slot.py`) is one unit of the budget, a trial Optuna's record of one attempt at it. `slots.py` opens slots and
looks at them, `claiming.py` takes, holds, settles and frees them, `dispatch.py` says which studies have some to give,
`openings.py` tells who waits that there are new ones.
`promotion.py` fills the slots of the higher rungs, by what `rung_counts.py` knows of them. `slot_trials.py` makes and
tells Optuna's trials, `recovery.py` puts right what a crash left.
"""

__all__ = ["claiming", "dispatch", "openings", "promotion", "recovery", "rung_counts", "slot", "slot_trials", "slots"]
