"""Telling one observer: look, tell in order, wait; what it does not take is told again later, and warned of once."""

import logging
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from functools import partial

from hpo import storage as storages
from hpo.errors import HpoError, StorageError, StudyError
from hpo.messages import one_line, said
from hpo.observers.events import Event, HowEnded
from hpo.observers.observer import Observer
from hpo.observers.outbox import Outbox
from hpo.storage import Storage, studies
from hpo.storage.observer_progress import ObserverProgress
from hpo.storage.slots.dispatch import unsettled
from hpo.storage.studies import StudyRecord

__all__ = ["Ending", "Teller"]

_LOOK = 1.0  # seconds between looks at the database, or ten times what a look takes
_PAUSES = (1.0, 60.0)  # seconds before an event that was not taken is told again: at first, and at the most

_log = logging.getLogger("hpo.observers")


class Ending:
    """How the run that asks for observers ends, once it does; set from another thread."""

    def __init__(self) -> None:
        self.how: HowEnded | None = None  # None: it goes on, or ends as its studies do
        self.reason: str | None = None  # of an error
        self._over = threading.Event()

    def set(self, how: HowEnded | None, reason: str | None = None) -> None:
        """It has ended."""
        self.how, self.reason = how, reason
        self._over.set()

    @property
    def over(self) -> bool:
        """Whether it has."""
        return self._over.is_set()

    def wait(self, seconds: float) -> None:
        """So long, or until it has."""
        self._over.wait(seconds)


class Teller:
    """Tells one observer of the studies in a database, until its run has ended and all is told."""

    def __init__(
        self,
        url: str,
        observer: Observer,
        *,
        key: str,
        holder: str,
        only: tuple[str, ...] | None,
        warn: Callable[[str], object],
        on_call: Callable[[str | None], object] = lambda _: None,
    ) -> None:
        """Nothing is told yet.

        Args:
            url: of the database.
            observer: who is told.
            key: digest of what names the observer.
            holder: name of whoever tells it.
            only: studies, as `studies.find` takes them; None: every study that has something to do.
            warn: is given the first thing that goes wrong, in one line, and nothing after it.
            on_call: told the name of each method before it is called, and None after it.

        """
        self._url = url
        self._observer = observer
        self._key, self._holder = key, holder
        self._only = only
        self._since = time.time()  # seconds since 1970
        self._warn = warn
        self._on_call = on_call
        self._warned = False
        self._fails = 0  # how often in a row an event was not taken
        self._names: dict[str, str] = {}  # what words of `only` mean
        self._boxes: dict[int, Outbox] = {}  # by id of the study
        self._wants = {method: _overrides(observer, method) for method in ("trial_begun", "trial_reported")}

    def run(self, ending: Ending) -> None:
        """Tell until the run has ended and nothing is left, or what is left is not taken; then close the observer."""
        opened = self._opened(ending)
        if opened is not None:
            with closing(opened):
                self._run(opened, ending)
        self._call("close", self._observer.close)

    def _opened(self, ending: Ending) -> Storage | None:
        """The database, once it is there: the run itself says what is wrong with it. None: it ended first."""
        while True:
            over = ending.over
            try:
                return storages.open(self._url)
            except HpoError as error:
                _log.info(f"nothing is told yet: {error}")
            if over:
                return None
            ending.wait(_LOOK)

    def _run(self, storage: Storage, ending: Ending) -> None:
        progress = ObserverProgress(storage, self._key, self._holder)
        while True:
            over, began = ending.over, time.monotonic()
            told, left = self._look(storage, progress, ending if over else None)
            if over and not (told and left):
                break
            if not left:
                ending.wait(max(_LOOK, 10 * (time.monotonic() - began)))
            elif not told:
                ending.wait(min(_PAUSES[1], _PAUSES[0] * 2.0 ** min(self._fails - 1, 10)))
        with suppress(StorageError):  # its lease runs out
            progress.release()

    def _look(self, storage: Storage, progress: ObserverProgress, ending: Ending | None) -> tuple[bool, bool]:
        """Whether anything was told, and whether anything more is to be, be it that it was not taken."""
        any_told = left = False
        try:
            for record in self._records(storage, progress):
                box = self._boxes.get(record.id)
                if box is None:
                    box = self._boxes[record.id] = Outbox(
                        storage,
                        record,
                        progress,
                        begins=self._wants["trial_begun"],
                        reports=self._wants["trial_reported"],
                    )
                events = box.events(
                    record,
                    over=ending is not None or self._only is None,
                    run_ended=ending.how if ending else None,
                    reason=ending.reason if ending else None,
                )
                taken, told = self._tell(events)
                any_told = any_told or told
                left = left or box.more or not taken
                if not taken:
                    break
        except HpoError as error:  # the database is away, or the study was deleted: the next look will see
            _log.info(f"nothing is told: {error}")
        return any_told, left

    def _records(self, storage: Storage, progress: ObserverProgress) -> list[StudyRecord]:
        its = studies.list_all(storage)
        if self._only is not None:
            names = {self._named(storage, word) for word in self._only}
            return [record for record in its if record.name in names]
        open_ = {each.study for each in unsettled(storage)}
        begun = set(progress.begun())
        return [
            record
            for record in its
            if record.name in open_ or record.id in begun or record.created_at >= self._since  # and done by now
        ]

    def _named(self, storage: Storage, word: str) -> str | None:
        """The study that a word means, for good once there is one."""
        if word not in self._names:
            with suppress(StudyError):
                self._names[word] = studies.find(storage, word).name
        return self._names.get(word)

    def _tell(self, events: Generator[Event, None, None]) -> tuple[bool, bool]:
        """Whether it took all of them, and whether it took any."""
        told = False
        with closing(events):
            for event in events:
                if not self._call(event.kind, partial(getattr(self._observer, event.kind), event)):
                    self._fails += 1
                    return False, told
                told, self._fails = True, 0
        return True, told

    def _call(self, method: str, call: Callable[[], object]) -> bool:
        """Whether the observer came back from it in order."""
        self._on_call(method)
        try:
            call()
        except BaseException as error:  # whatever it is, it is the observer's, and no trial's
            if not self._warned:
                self._warned = True
                why = said(error) if isinstance(error, HpoError) else one_line(error)
                self._warn(f"failed in {method}: {why}; it is told again what it did not take")
            return False
        finally:
            self._on_call(None)
        return True


def _overrides(observer: Observer, method: str) -> bool:
    return getattr(type(observer), method, None) is not getattr(Observer, method)
