"""One study seed, and every other seed as a function of it: nothing that is drawn depends on who draws it or when.

The words go through SHA-256 rather than `hash`, which differs from one process to the next.
"""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hpo.optuna_internals import POSITION, RUNG

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

__all__ = ["SEED", "derive", "fold_seed", "position", "rung", "sampler_seed", "seed", "split_seed", "trial_seed"]

SEED = "seed"
"""The user attribute of a trial that says its seed."""


def seed(trial: "BaseTrial") -> int:
    """The seed of a trial, from 0 to 2^31 - 1, for an objective of one's own to draw all its chance from.

    Another attempt at a trial has the same one; the confirmations of a search have new ones; and the two sides of a
    pair of `hpo compare` share one, so that they differ in their configuration alone. Outside of hpo it follows from
    the trial's number. The trial's user attribute `seed` says it.
    """
    noted = trial.user_attrs.get(SEED)
    if isinstance(noted, int):
        return noted
    made = trial_seed(0, trial.number)
    trial.set_user_attr(SEED, made)
    return made


def position(system_attrs: Mapping[str, Any], number: int) -> int:
    """Where a trial stands in its study: its slot's position, or its own number where it fills none."""
    return int(system_attrs.get(POSITION, number))


def derive(seed: int, *words: str | int) -> int:
    """A seed from 0 to 2^31 - 1 (NumPy, Keras and Optuna take these) for the purpose that `words` spell out."""
    text = "\0".join(str(word) for word in (seed, *words))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def rung(system_attrs: Mapping[str, Any]) -> int:
    """On which rung of its study a trial is; 0 where the study has one."""
    return int(system_attrs.get(RUNG, 0))


def trial_seed(study_seed: int, position: int, rung: int = 0) -> int:
    """The seed of the trial at `position` of a rung: the slot's position, or the trial's number where it has no slot.

    Another one on each rung, so that what climbs is trained anew, and not from the same luck.
    """
    return derive(study_seed, "trial", position) if not rung else derive(study_seed, "trial", rung, position)


def split_seed(study_seed: int) -> int:
    """The seed of the split that every trial of a study shares."""
    return derive(study_seed, "split")


def fold_seed(trial: int, fold: int) -> int:
    """The seed of the weights and the batches of one fold (from 1) of a trial whose seed is `trial`."""
    return derive(trial, "fold", fold)


def sampler_seed(study_seed: int, worker: str) -> int:
    """The seed of one worker's sampler: two workers with the same one would begin with the same trials."""
    return derive(study_seed, "sampler", worker)
