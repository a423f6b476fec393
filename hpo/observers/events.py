"""What an observer is told: frozen records, each with an id that stays the same when it is told a second time.

They say what stands in the database, whatever that is, so nothing in them is refused.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, ClassVar, Literal

from hpo.study import Params

__all__ = [
    "Event",
    "HowEnded",
    "NewBest",
    "ObservedStudy",
    "StudyBegun",
    "StudyEnded",
    "StudyResumed",
    "StudyStopped",
    "TrialBegun",
    "TrialReported",
    "TrialSettled",
]

HowEnded = Literal["done", "until", "timeout", "interrupted", "error"]
"""All is settled; a value as good as was asked for is there; of the run alone: its time is up, a signal came, it
failed. What ended with its run goes on with the next."""


@dataclass(frozen=True, kw_only=True)
class ObservedStudy:
    """The study an event is about."""

    name: str
    definition: str  # name of what is searched
    space: str  # name
    metrics: tuple[str, ...]  # what its values are, the metric first
    directions: tuple[str, ...]  # maximize or minimize, of each of these
    rungs: tuple[str, ...]  # names of its rungs, the lowest first; of a study that stays, its one fidelity
    seed: int
    created_at: datetime  # UTC; with the name it tells the study from any other of one database
    kind: str = "search"  # or what its trials measure: sweep, greedy; of a comparison race, pairs, resampled
    parent: str | None = None  # name of the search that a comparison is of

    @property
    def key(self) -> str:
        """How its ids begin."""
        return f"{self.name}/{self.created_at.timestamp():.3f}"


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened in a study."""

    kind: ClassVar[str] = "event"  # the method of an observer that is told it

    id: str  # what is told twice, after a crash or an outage of the observer, has the same
    at: datetime  # UTC: when it happened, or where nobody noted that, when it was seen
    study: ObservedStudy

    def to_json(self) -> dict[str, Any]:
        """The event as JSON can say it: times in ISO 8601, and null for what is no finite number."""
        return {"event": self.kind, **{each.name: _plain(getattr(self, each.name)) for each in fields(self)}}


@dataclass(frozen=True, kw_only=True)
class StudyBegun(Event):
    """The first thing an observer hears of a study."""

    kind: ClassVar[str] = "study_begun"

    target: int  # trials it shall have, of all rungs


@dataclass(frozen=True, kw_only=True)
class StudyResumed(Event):
    """A study that had been stopped, or ended, or whose run had, goes on."""

    kind: ClassVar[str] = "study_resumed"

    target: int  # trials it shall have, of all rungs
    settled: int  # of these


@dataclass(frozen=True, kw_only=True)
class StudyStopped(Event):
    """Somebody stopped a study, or hpo did, as its first trials all failed."""

    kind: ClassVar[str] = "study_stopped"

    by: str | None  # who
    why: str | None  # the reason, where one was given
    settled: int  # trials


@dataclass(frozen=True, kw_only=True)
class NewBest(Event):
    """Another configuration is the best now, or the best one was trained once more.

    The value may be worse than the last one told: what was trained more often counts before what was not. There is none
    of a study with several objectives, nor of one that measures: the luckiest of its trials is nothing to choose by.
    """

    kind: ClassVar[str] = "new_best"

    trial: int | None  # Optuna's number of its first training; None where a crash kept it from being recorded
    value: float  # the mean over its trainings at the highest fidelity
    params: Params
    trainings: int  # so many


@dataclass(frozen=True, kw_only=True)
class StudyEnded(Event):
    """A study, or this run on it, came to its end."""

    kind: ClassVar[str] = "study_ended"

    ended: HowEnded
    reason: str | None = None  # of an error, in one line
    target: int  # trials it should have, of all rungs
    settled: int
    complete: int
    pruned: int
    failed: int
    best: NewBest | None = None  # None: no trial is complete, there are several objectives, or it is no search


@dataclass(frozen=True, kw_only=True)
class TrialBegun(Event):
    """An attempt at a trial began."""

    kind: ClassVar[str] = "trial_begun"

    trial: int  # Optuna's number
    attempt: int  # of the same configuration, from 1
    rung: str  # name
    worker: str  # name of the process


@dataclass(frozen=True, kw_only=True)
class TrialReported(Event):
    """A trial reported an intermediate value."""

    kind: ClassVar[str] = "trial_reported"

    trial: int  # Optuna's number
    step: int  # epoch or fold
    value: float  # may be NaN


@dataclass(frozen=True, kw_only=True)
class TrialSettled(Event):
    """A trial came to its end, for good; told of each trial of the study."""

    kind: ClassVar[str] = "trial_settled"

    trial: int | None  # Optuna's number; None: it failed before it was made
    attempt: int  # the one that counts, from 1
    rung: str  # name
    highest: bool  # whether it is of the highest fidelity, whose values alone are compared
    outcome: Literal["complete", "pruned", "failed"]
    values: tuple[float, ...]  # of each objective, the metric first; a pruned one's is its last report; empty: none
    params: Params  # as far as they were drawn
    curve: tuple[tuple[int, float], ...]  # (step, value reported there): epochs or folds
    seed: int | None  # its training's
    reason: str | None  # why it was pruned or failed
    worker: str | None  # name of the process
    started_at: datetime | None  # UTC
    note: str = ""  # of a measurement: which one it is, such as "layers 3/6, repeat 2"
    attributes: Mapping[str, bool | int | float | str] = field(default_factory=dict)
    # what else its training noted: train, epochs, compile_seconds, fit_seconds

    @property
    def value(self) -> float | None:
        """Of the metric; None where there is none."""
        return self.values[0] if self.values else None


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Event):
        return value.to_json()
    if isinstance(value, ObservedStudy):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
