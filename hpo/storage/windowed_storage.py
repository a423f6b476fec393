"""Optuna's storage as samplers and pruners are given it: of a long study the trials of a window, all else as it is."""

import threading
from collections.abc import Container
from typing import TYPE_CHECKING, Any, cast

from hpo.optuna_internals import PARENTS, trial_id
from hpo.search.trial_window import KeptTrials, Window
from hpo.storage import Storage
from hpo.storage.optuna_storage import PatientStorage
from hpo.storage.window_rows import first_look

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial, TrialState

    from hpo.storage.optuna_statements import FewStatements

__all__ = ["SharedWindow", "view"]


class SharedWindow:
    """The window of one study, read as far as it was needed; safe to share between threads."""

    def __init__(self, storage: Storage, study: int, window: Window) -> None:
        self._whole = storage.optuna
        self._rdb = cast("FewStatements", storage.rdb_inner)
        self._study = study  # Optuna's id
        self._window = window
        self._lock = threading.Lock()
        self._source: object = None  # what was read from: it is another one once the database's file was replaced
        self._kept: KeptTrials | None = None
        self._last = -1  # Optuna's id of the last trial that was seen
        self._pinned: dict[int, FrozenTrial] = {}  # by id, beside the window: what the next generation is bred from

    def refreshed(self) -> KeptTrials:
        """The window as it is now. Raises KeyError where the study was deleted."""
        with self._lock:
            self._whole.patiently(self._refresh)
            assert self._kept is not None
            return self._kept

    def pinned(self, states: "Container[TrialState] | None") -> "list[FrozenTrial]":
        """What is shown beside the window."""
        return [each for each in self._pinned.values() if states is None or each.state in states]

    def pin(self, attributes: dict[str, Any]) -> None:
        """Have the parents of the newest generations shown, however old they are, as the study's attributes say."""
        if self._window.generations is None:
            return
        named = {key.removeprefix(PARENTS): ids for key, ids in attributes.items() if key.startswith(PARENTS)}
        newest = sorted((each for each in named if each.isdecimal()), key=int)[-2:]
        wanted = {id_ for each in newest for id_ in named[each]}
        with self._lock:
            there = {trial_id(each) for each in self._kept.whole()} if self._kept is not None else set()
            missing = sorted(wanted - there - self._pinned.keys())
            found = self._whole.patiently(lambda: self._rdb.by_id(missing)) if missing else []
            self._pinned = {id_: each for id_, each in self._pinned.items() if id_ in wanted}
            self._pinned |= {trial_id(each): each for each in found}

    def _refresh(self) -> None:
        while True:
            source = self._whole.source
            if self._kept is None or source is not self._source:
                self._begin()
            else:
                self._continue(self._kept)
            self._source = source
            if self._whole.source is source:  # else what was read is of two databases
                return

    def _begin(self) -> None:
        from optuna.study import StudyDirection

        maximize = [each == StudyDirection.MAXIMIZE for each in self._whole.get_study_directions(self._study)]
        look = first_look(self._rdb, self._study, self._window, maximize)
        kept = KeptTrials(self._window, maximize)
        kept.add(look.trials)
        self._kept, self._last, self._pinned = kept, look.last, {}

    def _continue(self, kept: KeptTrials) -> None:
        new = self._rdb.since(self._study, self._last, {trial_id(each) for each in kept.unfinished})
        self._last = max((self._last, *map(trial_id, new)))
        kept.add(new)


class _Windowed(PatientStorage):
    """All of another storage, but for the trials."""

    def __init__(self, whole: PatientStorage, window: SharedWindow, *, recent: bool) -> None:
        super().__init__(whole, lambda call: call())
        self._shared = window
        self._recent = recent  # whether of the window only what finished last is shown

    def get_all_trials(
        self,
        study_id: int,  # noqa: ARG002
        deepcopy: bool = True,  # noqa: ARG002 - who samples and prunes changes no trial
        states: "Container[TrialState] | None" = None,
    ) -> "list[FrozenTrial]":
        """Those of the window, by number."""
        kept = self._shared.refreshed()
        if self._recent:
            return kept.recent(states)
        whole, pinned = kept.whole(states), self._shared.pinned(states)
        if not pinned:
            return whole
        there = {each.number for each in whole}
        return sorted([*whole, *(each for each in pinned if each.number not in there)], key=lambda each: each.number)

    def get_best_trial(self, study_id: int) -> "FrozenTrial":  # noqa: ARG002
        """The best of all: it is in the window."""
        return self._shared.refreshed().best()

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """Optuna's."""
        found: dict[str, Any] = super().get_study_system_attrs(study_id)
        self._shared.pin(found)
        return found


def view(storage: Storage, name: str, window: SharedWindow, *, recent: bool = False) -> "optuna.Study":
    """Optuna's study of that name through a window.

    Args:
        storage: where it is.
        name: of the study.
        window: of it.
        recent: show only what finished last, and none of the best of earlier times, as pruners want it.

    """
    import optuna

    return optuna.load_study(study_name=name, storage=_Windowed(storage.optuna, window, recent=recent))
