"""A slot, one unit of a study's trial budget: as a record, as a row of hpo_slot, and the news that one is lost."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, and_, literal_column, select

from hpo.storage import leases, schema
from hpo.storage.json_columns import parsed
from hpo.study import Params
from hpo.study.direction import loss

__all__ = [
    "COLUMNS",
    "COMPLETE",
    "GIVEN",
    "LEASED",
    "RANKED",
    "STUDY",
    "UNSETTLED",
    "WAITING",
    "Counts",
    "Incumbent",
    "LeaseLost",
    "Outcome",
    "RungCounts",
    "Slot",
    "held_by_attempt",
    "incumbents",
    "leading_values",
    "lease_runs",
    "of_study",
    "read",
]

Outcome = Literal["complete", "pruned", "failed"]

_slot = schema.slots


@dataclass(frozen=True, kw_only=True)
class Slot:
    """A slot as it was when read. Its id, attempt and worker together are the token of a lease."""

    id: int  # never used twice in one database
    study: str  # name
    study_id: int  # never used twice in one database either
    rung: int = 0  # from 0, the lowest
    position: int  # on its rung, from 0
    highest: bool = True  # whether it is of the study's highest fidelity, whose values alone are compared
    payload: Mapping[str, object] = field(
        default_factory=dict
    )  # what was asked for: {"params": …}, of a job {"params": …, "job": …}, or empty
    state: Literal["waiting", "open", "leased", "settled"]  # waiting: for a configuration that is promoted to it
    attempt: int  # claims so far, this one included
    releases: int = 0  # claims given back; these count as no attempt
    turn: int = 0  # slots of the lowest are taken first
    worker: str | None = None  # who holds it, or held it last
    started_at: float | None = None  # of the last claim, seconds since 1970
    lease_expires_at: float | None = None  # seconds since 1970
    trial_number: int | None = None  # Optuna's number of the trial of the last attempt
    params: Params | None = None  # the whole configuration, once it is known
    digest: str | None = None  # of the configuration; of a job: its key
    outcome: Outcome | None = None
    value: float | None = None  # None where there is none; a pruned trial's is its last report
    further: tuple[float, ...] = ()  # values of the objectives after the first; empty where there is one
    reason: str | None = None  # why it was pruned or failed, or why its last attempt was given up
    traceback: str | None = None
    settled_at: float | None = None  # seconds since 1970

    @property
    def given(self) -> bool:
        """Whether a person named its configuration first of all: the hand-picked one, which no search has chosen."""
        return self.position == 0 and "params" in self.payload

    @property
    def tries(self) -> int:
        """Attempts that count against the limit."""
        return self.attempt - self.releases

    @property
    def lost(self) -> int:
        """Attempts that came to nothing and count: their process died, ran out of memory, or its lease ran out."""
        return max(0, self.tries - (self.state != "open"))

    @property
    def fixed(self) -> Params:
        """The parameters a trial of this slot must take: those asked for and, on a retry, those drawn before."""
        asked = self.payload.get("params") or {}
        assert isinstance(asked, Mapping)
        return {**asked, **(self.params or {})}


@dataclass(frozen=True, kw_only=True)
class Counts:
    """The slots of one study: target = settled + running + open, settled = complete + pruned + failed."""

    study: str  # name
    target: int
    settled: int
    complete: int
    pruned: int
    failed: int
    running: int  # leased, the lease not run out
    open: int  # waiting for a worker, for another one after the lease ran out, or for a promotion


@dataclass(frozen=True, kw_only=True)
class RungCounts:
    """The slots of one rung of a study."""

    rung: int  # from 0, the lowest
    target: int
    settled: int
    waiting: int  # for a configuration to be promoted
    prior: bool  # of a rung above the first: whether the hand-picked configuration is on it

    @property
    def over(self) -> bool:
        """Whether nothing of it is left to do."""
        return self.settled == self.target

    @property
    def given(self) -> int:
        """How many slots do not wait any more."""
        return self.target - self.waiting


@dataclass(frozen=True, kw_only=True)
class Incumbent:
    """The configuration a study has found so far: of those trained most often at the highest fidelity the best.

    The hand-picked one counts among them from its first training on.
    """

    slot: Slot  # its first training there
    value: float  # the mean over its trainings there
    trainings: int  # 1: it is the value of a single one, which is the best of many and so partly luck


def incumbents(slots: Iterable[Slot], direction: str) -> list[Incumbent]:
    """Each configuration that is complete at the highest fidelity, the best first.

    What was trained more often there comes before what was not: a single training may be luck. But the hand-picked
    configuration counts as often as any: it was not chosen for its value, so that its first training is no luck of the
    best, and while it waits to be confirmed nothing that is worse takes its place. Of equals the cheapest, where costs
    were weighed, then the earlier one.
    """
    trained: dict[object, list[Slot]] = {}
    for slot in slots:
        if slot.outcome == "complete" and slot.highest and slot.value is not None:
            trained.setdefault(slot.digest or slot.id, []).append(slot)
    found = [
        Incumbent(
            slot=min(its, key=lambda slot: slot.rung),
            value=fmean(slot.value for slot in its if slot.value is not None),
            trainings=len(its),
        )
        for its in trained.values()
    ]
    most = max((one.trainings for one in found), default=0)
    return sorted(
        found,
        key=lambda one: (
            -most if one.slot.given else -one.trainings,
            loss(direction, one.value),
            one.slot.further,
            one.slot.rung,
            one.slot.position,
        ),
    )


def leading_values(
    trainings: Iterable[tuple[object, float]], direction: str, *, hand: object = None
) -> Iterator[float]:
    """After each training at the highest fidelity, the value of the first of `incumbents`.

    It may become worse: what was trained again counts before what was not.

    Args:
        trainings: a key of the configuration and the value, in the order they settled.
        direction: maximize or minimize.
        hand: the key of the hand-picked configuration; None: there is none.

    """
    values: dict[object, list[float]] = {}
    most = 0  # trainings of one configuration

    def rank(key: object) -> tuple[int, float]:
        return -most if key == hand else -len(values[key]), loss(direction, fmean(values[key]))

    leader: object = None
    for key, value in trainings:
        values.setdefault(key, []).append(value)
        most = max(most, len(values[key]))
        if len(values[key]) > 1:  # others were trained as often and may be better now
            leader = min(values, key=rank)
        elif len(values) == 1 or rank(key) < rank(leader):
            leader = key
        yield fmean(values[leader])


class LeaseLost(Exception):  # noqa: N818 - an outcome
    """The slot has passed to somebody else, so whatever this trial finds will be dropped.

    No TrialError: those are outcomes of a trial, which this one no longer has.
    """


STUDY = select(schema.studies.c.name).where(schema.studies.c.id == _slot.c.study_id).correlate(_slot).scalar_subquery()
"""The name of a slot's study, within a query on slots."""

COLUMNS = [STUDY.label("study"), *(column for column in _slot.c if column.name not in ("output", "promoted_at"))]
"""What a `Slot` is read from: all but what a trial printed, which is long, and asked for of one trial alone; and but
when its configuration climbed, which only shortens the way to the next one."""

# Word for word as the partial indexes have them, or these would not be used. Not typed as Boolean: SQLite has none, and
# SQLAlchemy would write `state <> 'settled' = 1` for it.
UNSETTLED: ColumnElement[Any] = literal_column("state <> 'settled'")
LEASED: ColumnElement[Any] = literal_column("state = 'leased'")
COMPLETE: ColumnElement[Any] = literal_column("outcome = 'complete'")
RANKED: ColumnElement[Any] = literal_column("outcome = 'complete' AND highest")
WAITING: ColumnElement[Any] = literal_column("state = 'waiting'")
GIVEN: ColumnElement[bool] = and_(_slot.c.position == 0, _slot.c.payload != "{}")  # as `Slot.given` has it


def of_study(study: str) -> ColumnElement[bool]:
    """Of a slot: whether it is one of the study of that name."""
    return _slot.c.study_id == schema.id_of(study)


def lease_runs(now: ColumnElement[float]) -> ColumnElement[bool]:
    """Of a slot: whether somebody holds it and the lease has not run out."""
    return and_(LEASED, leases.runs(_slot, now))


def held_by_attempt(slot: Slot) -> ColumnElement[bool]:
    """Of a slot: whether it is this one, and held by this attempt of this worker."""
    return and_(_slot.c.id == slot.id, _slot.c.attempt == slot.attempt, _slot.c.worker == slot.worker, LEASED)


def read(row: Row[Any]) -> Slot:
    """The slot of one row of `COLUMNS`; what is no JSON of ours is as good as nothing."""
    values: dict[str, Any] = dict(row._mapping)
    asked, params, further = (parsed(values[name]) for name in ("payload", "params", "further"))
    read = {
        "payload": asked if isinstance(asked, dict) else {},
        "params": params if isinstance(params, dict) else None,
        "further": tuple(further) if isinstance(further, list) else (),
    }
    return Slot(**{**values, **read})
