"""The limits of a run: one record, made where a run is asked for and handed down whole to its workers."""

from dataclasses import dataclass

from hpo.errors import UsageError
from hpo.fleet.resources import usable_cores
from hpo.settings import (
    KEPT_MODELS,
    LEASE_SECONDS,
    MAX_ATTEMPTS,
    MOST_KEPT_MODELS,
    STALL_SECONDS,
    checkpoint_seconds,
    checkpoints_size,
    trial_window,
)

__all__ = ["MAX_WORKERS", "Limits", "refuse_beyond"]

MAX_WORKERS = 256  # on one machine; also at most 4 a core
_MAX_SECONDS = 366 * 86_400
_LEAST_MEMORY = 64 << 20  # bytes; less than Python with Optuna takes


@dataclass(frozen=True, kw_only=True)
class Limits:
    """By how many processes a run is carried out, and how long each part of it may take. Never what comes out.

    Raises:
        UsageError: a number is out of range, or a variable of the environment says what no worker could heed.

    """

    workers: int | None = None
    # processes on this machine; None: one for each usable core, but no more than there are trials, in a fleet one for
    # each GPU's seat; 0: none, workers elsewhere do it
    timeout: float | None = None  # seconds for the whole run; trials in flight are given back
    max_trials: int | None = None  # trials its workers may begin in all; None: as many as there are
    trial_timeout: float | None = None  # seconds for one trial; a trial over it fails; None: as its study has it
    lease_seconds: float = LEASE_SECONDS  # a worker that vanished unseen loses its slot after this
    stall_seconds: float = STALL_SECONDS  # without a sign of life (a long epoch's tenth) a worker is taken for hung
    max_attempts: int = MAX_ATTEMPTS  # crashes a slot may see before it settles as failed
    keep_models: str | None = None  # folder in which workers keep the models of the best trials; None: nowhere
    keep_best: int = KEPT_MODELS  # of so many of the best configurations of a search
    memory_limit: int | None = None  # resident bytes past which a worker is replaced; None: see resources.default_limit

    def __post_init__(self) -> None:
        if self.workers is not None:
            refuse_beyond("workers", self.workers, 0, min(MAX_WORKERS, max(16, 4 * usable_cores())))
        refuse_beyond("max attempts", self.max_attempts, 1, 1_000_000)
        if self.max_trials is not None:
            refuse_beyond("max trials", self.max_trials, 1, 1_000_000)
        refuse_beyond("keep best", self.keep_best, 1, MOST_KEPT_MODELS)
        if self.memory_limit is not None:
            refuse_beyond("memory limit (bytes)", self.memory_limit, _LEAST_MEMORY, 1 << 50)
        for what, seconds, least in (
            ("timeout", self.timeout, 0.0),
            ("trial timeout", self.trial_timeout, 0.0),
            ("lease", self.lease_seconds, 1.0),
            ("stall limit", self.stall_seconds, 0.0),
        ):
            if seconds is not None:
                _refuse_seconds(what, seconds, least)
        for ask in (checkpoint_seconds, checkpoints_size, trial_window):
            ask()  # here, before anything is made; each worker would refuse it

    def processes(self, trials: int) -> int:
        """Workers to start for so many trials."""
        return self.workers if self.workers is not None else max(1, min(usable_cores(), trials, MAX_WORKERS))


def refuse_beyond(what: str, value: int, low: int, high: int) -> None:
    """Refuse what is no whole number from `low` to `high`. Raises UsageError."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UsageError(f"{what} must be a whole number from {low:,} to {high:,}, not {value}")


def _refuse_seconds(what: str, value: float, least: float) -> None:
    if not (least <= value <= _MAX_SECONDS) or value == 0:
        low = f"at least {least:g}" if least else "more than 0"
        raise UsageError(f"{what} must be {low} and at most {_MAX_SECONDS:,} seconds, not {value:g}")
