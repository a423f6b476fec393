"""What of a study is still to be told to an observer, in the order it happened; read from the database."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from hpo.observers.events import (
    Event,
    HowEnded,
    NewBest,
    ObservedStudy,
    StudyBegun,
    StudyEnded,
    StudyResumed,
    StudyStopped,
    TrialBegun,
    TrialReported,
    TrialSettled,
)
from hpo.storage import Storage
from hpo.storage.observer_progress import ObserverProgress, Told
from hpo.storage.queries import live_queries, stored_trials
from hpo.storage.slots.slot import Counts, Slot
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyRecord

__all__ = ["MOST", "Outbox"]

MOST = 50
"""Settled trials that are read at once."""

_BLIND = ("pairs", "resampled")
"""Kinds of studies of which no trial is told before all are settled: who sees the score of a comparison as it goes can
stop it where it pleases, and its verdict would be worth nothing."""


class Outbox:
    """The events of one study for one observer.

    Whoever goes through `events` has told an event once it asks for the next; that is then kept in the database. Begun
    trials and reports are known to this process alone, and told by their end at the latest: nothing is kept of them.
    """

    def __init__(
        self, storage: Storage, record: StudyRecord, progress: ObserverProgress, *, begins: bool, reports: bool
    ) -> None:
        """Nothing is read yet.

        Args:
            storage: where the study is.
            record: the study.
            progress: how far the observer was told.
            begins: whether it wants to hear of trials that begin.
            reports: whether it wants to hear of intermediate values.

        """
        self.more = False  # whether there was more to tell than was read at once
        self._storage = storage
        self._progress = progress
        self._begins, self._reports = begins, reports
        self._study = _observed(record)
        self._begun: set[tuple[int, int]] = set()  # slot and attempt of trials whose beginning was told
        self._reported: dict[int, int] = {}  # trial -> reports of it that were told

    def events(
        self, record: StudyRecord, *, over: bool, run_ended: HowEnded | None, reason: str | None
    ) -> Generator[Event, None, None]:
        """What is to be told now; nothing where another process tells this observer of this study.

        Args:
            record: the study as it is now.
            over: whether nothing is added to it any more: measurements get more trials as a run goes on.
            run_ended: how the run on it ended; None: it goes on, or there is none, or as the study itself says.
            reason: of its error.

        Raises:
            StorageError: the database failed.

        """
        self.more = False
        told = self._progress.hold(record.id)
        if told is None:
            return
        counts = Slots(self._storage).counts(record.name)
        hidden = _hidden(record, counts)
        untold = () if hidden else self._progress.untold(record.id, MOST)
        for event in self._beginning(counts, told, goes_on=bool(untold) or self._goes_on(record, counts)):
            yield event
            told = self._keep(record, replace(told, phase="running", turn=told.turn + (event.kind == "study_resumed")))
        if not hidden:
            yield from self._in_hand(record)
        self.more = len(untold) == MOST
        yield from self._settled(record, untold)
        best = None if record.costs or record.kind != "search" else self._best(record)
        if best is not None and best.id != told.best:
            yield best
            told = self._keep(record, replace(told, best=best.id))
        if told.phase == "running" and not self.more and (over or record.kind == "search"):
            end = self._end(record, told, best, run_ended, reason)
            if end is not None:
                yield end
                self._keep(record, replace(told, phase="stopped" if end.kind == "study_stopped" else "ended"))

    def _keep(self, record: StudyRecord, told: Told) -> Told:
        self._progress.keep(record.id, told)
        return told

    def _beginning(self, counts: Counts, told: Told, *, goes_on: bool) -> Iterator[Event]:
        now = datetime.now(UTC)
        if not told.phase:
            yield StudyBegun(id=f"{self._study.key}/begun", at=now, study=self._study, target=counts.target)
        elif told.phase != "running" and goes_on:
            key = f"{self._study.key}/resumed/{told.turn + 1}"
            yield StudyResumed(id=key, at=now, study=self._study, target=counts.target, settled=counts.settled)

    def _goes_on(self, record: StudyRecord, counts: Counts) -> bool:
        """Whether there is anything to do in it, and somebody may or does."""
        if counts.settled == counts.target:
            return False
        return counts.running > 0 or not (record.stopped_at is not None or self._reached(record))

    def _in_hand(self, record: StudyRecord) -> Iterator[Event]:
        if not (self._begins or self._reports):
            return
        for slot in live_queries.in_hand(self._storage, record.name):
            yield from self._live(record, slot)
            if self._reports:
                found = stored_trials.read(self._storage, record.name, slot.trial_number)
                yield from self._curve(slot, found[0].curve if found else ())

    def _settled(self, record: StudyRecord, slots: Sequence[Slot]) -> Iterator[Event]:
        """What became of these, and what of them was not told before; marked at the end, or where one is not taken."""
        done: list[int] = []
        try:
            for slot in slots:
                event, curve = self._settlement(record, slot)
                if slot.trial_number is not None:
                    yield from self._live(record, slot)
                    yield from self._curve(slot, curve)
                yield event
                done.append(slot.id)
                self._begun.discard((slot.id, slot.attempt))
                if slot.trial_number is not None:
                    self._reported.pop(slot.trial_number, None)
        finally:
            self._progress.mark(done)

    def _live(self, record: StudyRecord, slot: Slot) -> Iterator[Event]:
        """That it began, unless that was told."""
        key = (slot.id, slot.attempt)
        if not self._begins or key in self._begun or slot.trial_number is None:
            return
        yield TrialBegun(
            id=f"{self._key(slot)}/begun",
            at=_utc(slot.started_at) or datetime.now(UTC),
            study=self._study,
            trial=slot.trial_number,
            attempt=slot.attempt,
            rung=self._rung(record, slot),
            worker=slot.worker or "",
        )
        self._begun.add(key)

    def _curve(self, slot: Slot, curve: tuple[tuple[int, float], ...]) -> Iterator[Event]:
        """What it reported since."""
        if not self._reports or slot.trial_number is None:
            return
        for step, value in curve[self._reported.get(slot.trial_number, 0) :]:
            yield TrialReported(
                id=f"{self._key(slot)}/reported/{step}",
                at=datetime.now(UTC),
                study=self._study,
                trial=slot.trial_number,
                step=step,
                value=value,
            )
            self._reported[slot.trial_number] = self._reported.get(slot.trial_number, 0) + 1

    def _settlement(self, record: StudyRecord, slot: Slot) -> tuple[TrialSettled, tuple[tuple[int, float], ...]]:
        found = [] if slot.trial_number is None else stored_trials.read(self._storage, record.name, slot.trial_number)
        trial = found[0] if found else None
        seed, _, noted = trial.noted() if trial else (None, None, {})
        curve = trial.curve if trial else ()
        job = slot.payload.get("job")
        event = TrialSettled(
            id=f"{self._key(slot)}/settled",
            at=_utc(slot.settled_at) or datetime.now(UTC),
            study=self._study,
            trial=slot.trial_number,
            attempt=slot.attempt,
            rung=self._rung(record, slot),
            highest=slot.highest,
            outcome=slot.outcome or "failed",
            values=() if slot.value is None else (slot.value, *slot.further),
            params=dict(slot.params) if slot.params else (trial.params if trial else {}),
            curve=curve,
            seed=seed,
            reason=slot.reason if slot.outcome != "complete" else None,
            worker=slot.worker,
            started_at=_utc(slot.started_at),
            note=str(job.get("note", "")) if isinstance(job, Mapping) else "",
            attributes={name: value for name, value in noted.items() if isinstance(value, bool | int | float | str)},
        )
        return event, curve

    def _best(self, record: StudyRecord) -> NewBest | None:
        found = Slots(self._storage).incumbent(record.name, record.direction)
        if found is None:
            return None
        slot = found.slot
        return NewBest(
            id=f"{self._study.key}/best/{slot.rung}.{slot.position}/{found.trainings}",
            at=_utc(slot.settled_at) or datetime.now(UTC),
            study=self._study,
            trial=slot.trial_number,
            value=found.value,
            params=dict(slot.params or {}),
            trainings=found.trainings,
        )

    def _end(
        self, record: StudyRecord, told: Told, best: NewBest | None, run_ended: HowEnded | None, reason: str | None
    ) -> Event | None:
        """How it ended, if it did: looked at anew, as more may have settled since."""
        counts = Slots(self._storage).counts(record.name)
        now = datetime.now(UTC)
        if record.stopped_at is not None and not counts.running and counts.settled < counts.target:
            return StudyStopped(
                id=f"{self._study.key}/stopped/{record.stopped_at:.3f}",
                at=_utc(record.stopped_at) or now,
                study=self._study,
                by=record.stopped_by,
                why=record.stopped_why,
                settled=counts.settled,
            )
        ended: HowEnded | None = run_ended if run_ended in ("timeout", "interrupted", "error") else None
        if counts.settled == counts.target:
            ended = "done"
        elif not counts.running and self._reached(record):
            ended = "until"
        if ended is None or (not _hidden(record, counts) and self._progress.untold(record.id, 1)):
            return None
        return StudyEnded(
            id=f"{self._study.key}/ended/{told.turn}",
            at=now,
            study=self._study,
            ended=ended,
            reason=reason if ended == "error" else None,
            target=counts.target,
            settled=counts.settled,
            complete=counts.complete,
            pruned=counts.pruned,
            failed=counts.failed,
            best=best,
        )

    def _reached(self, record: StudyRecord) -> bool:
        if record.until is None:
            return False
        found = Slots(self._storage).incumbent(record.name, record.direction)
        return found is not None and record.reached(found.value, found.trainings)

    def _key(self, slot: Slot) -> str:
        return f"{self._study.key}/{slot.rung}.{slot.position}.{slot.attempt}"

    def _rung(self, record: StudyRecord, slot: Slot) -> str:
        return record.rung_name(slot.rung) or record.fidelity_of(slot.rung) or str(slot.rung)


def _hidden(record: StudyRecord, counts: Counts) -> bool:
    """Whether nobody is to be told of its trials yet."""
    return record.kind in _BLIND and counts.settled < counts.target


def _observed(record: StudyRecord) -> ObservedStudy:
    return ObservedStudy(
        name=record.name,
        definition=record.definition,
        space=record.space,
        metrics=(record.metric, *record.costs),
        directions=record.directions,
        rungs=record.rung_names,
        seed=record.seed,
        created_at=datetime.fromtimestamp(record.created_at, UTC),
        kind=record.kind,
        parent=record.parent,
    )


def _utc(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
