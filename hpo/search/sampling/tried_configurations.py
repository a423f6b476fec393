"""Which configurations a study has tried: kept up to date at the cost of the new trials, not of all."""

import threading

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hpo.optuna_internals import FIXED_PARAMS, study_id, trials_at_hand
from hpo.search.suggest import digest
from hpo.study import Space

__all__ = ["Tried"]


class Tried:
    """The digests of the configurations that a study's trials have, had, or are about to have.

    Failed trials do not count: a superseded attempt's configuration comes back with the next attempt. What `add` put
    in stays. Safe to share between threads.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._lock = threading.Lock()
        self._study: int | None = None  # Optuna's id of the study that was read
        self._read = 0  # trials of it seen so far, in the order of their numbers
        self._open: set[int] = set()  # of those, the places of the unfinished ones
        self._done: set[str] = set()  # digests of finished trials, and of what `add` was given
        self._pending: set[str] = set()  # digests of unfinished trials, read anew each time

    def __len__(self) -> int:
        with self._lock:
            return len(self._done) + len(self._pending - self._done)

    def add(self, fingerprint: str) -> bool:
        """Take a configuration; False where it was tried before or another thread took it."""
        with self._lock:
            if fingerprint in self._done or fingerprint in self._pending:
                return False
            self._done.add(fingerprint)
            return True

    def refresh(self, study: Study, *, without: int) -> None:
        """Read what has changed in the study's trials; the one numbered `without`, which is asking, does not count."""
        # Of the cache that the sampler inside reads too, renewed when the trial began: to ask the storage again costs
        # as much as to draw, and what another process has begun since, only a claim can tell.
        trials = trials_at_hand(study)
        with self._lock:
            if self._study != study_id(study) or len(trials) < self._read:
                self._study, self._read = study_id(study), 0
                self._open, self._done = set(), set()
            places = sorted(self._open) + list(range(self._read, len(trials)))
            self._read = len(trials)
            self._open, self._pending = set(), set()
            for place in places:
                self._look(place, trials[place], without)

    def _look(self, place: int, trial: FrozenTrial, without: int) -> None:
        if trial.state in (TrialState.COMPLETE, TrialState.PRUNED):
            self._done.add(digest(trial.params))
        elif not trial.state.is_finished():
            self._open.add(place)
            # Given params are there from a trial's creation, drawn ones only when the last of them is stored.
            params = {**trial.system_attrs.get(FIXED_PARAMS, {}), **trial.params}
            if trial.number != without and self._space.problem(params) is None:
                self._pending.add(digest(params))
