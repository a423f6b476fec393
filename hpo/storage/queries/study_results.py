"""What a study came to, for a person or a program: its best trial, its front, any one trial, the last that failed.

Nothing here trains, and only `trial` needs Optuna: the slots know all the rest.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import TYPE_CHECKING, Any

from sqlalchemy import desc, select

from hpo.errors import HpoError, StudyError
from hpo.optuna_internals import ATTEMPT, POSITION, SLOT
from hpo.storage import Storage, schema, studies
from hpo.storage.queries import stored_trials
from hpo.storage.slots.slot import RANKED, Counts, Incumbent, Outcome, Slot, of_study
from hpo.storage.slots.slots import Slots
from hpo.study import Params
from hpo.study.baseline import hand_picked

if TYPE_CHECKING:
    from hpo.analysis.rung_agreement import ClimbFindings

__all__ = [
    "Baseline",
    "Best",
    "BestTrial",
    "FrontTrial",
    "NothingComplete",
    "TrialReport",
    "best",
    "best_of",
    "climbed",
    "failure",
    "leading",
    "nothing_complete",
    "trial",
]

_slot = schema.slots


@dataclass(frozen=True, kw_only=True)
class Best:
    """The best complete trial; pruned and infeasible ones are none."""

    number: int | None  # Optuna's number of the trial; None where a crash kept it from being recorded
    value: float  # the mean, where it was trained more than once at the highest fidelity
    params: Params
    trainings: int = 1  # so often; of a search that climbs, an optimum that was trained once is not confirmed yet


@dataclass(frozen=True, kw_only=True)
class FrontTrial:
    """A trial that no other beats in every objective."""

    number: int | None  # Optuna's number
    values: tuple[float, ...]  # of each objective, the metric first
    params: Params


@dataclass(frozen=True, kw_only=True)
class NothingComplete:
    """What became of the trials of a study none of which is complete."""

    why: str  # how many ended how, and the reason of the last: "6 pruned, the last with diverged: …"
    trial: int | None  # Optuna's number of the last of them; None: it never began


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What became of the definition's first baseline in a search."""

    name: str
    number: int | None  # of its trial
    outcome: Outcome
    value: float | None  # the mean, where it was trained more than once; a pruned one's is its last report


@dataclass(frozen=True, kw_only=True)
class BestTrial:
    """The best trial of a study, beside the baseline's value in the same search."""

    study: str
    number: int | None
    value: float  # the mean, where it was trained more than once at the highest fidelity
    trainings: int  # so often
    params: Params
    metric: str
    direction: str
    baseline: Baseline | None  # None: it was not tried, or the definition cannot be loaded here
    objectives: tuple[str, ...] = ()  # the metric and what is weighed against it; empty: the metric alone
    front: tuple[FrontTrial, ...] = ()  # the trials none beats in all objectives; `number` has the best metric of them
    fidelities: tuple[str, ...] = ()  # of each rung, the lowest first, the one that confirms last
    climb: "ClimbFindings | None" = None  # what the rungs say of one another; None: it stays on one fidelity
    comparable: bool = True  # whether `hpo compare` may do something: not of an objective that takes no seed


@dataclass(frozen=True, kw_only=True)
class TrialReport:
    """One trial, with all that is known of it."""

    study: str
    number: int
    state: str  # running, complete, pruned, failed, waiting
    value: float | None  # of the metric, where there are several objectives
    params: Params
    seed: int | None  # its training's
    rung: int | None  # of its slot in the study, from 0, the lowest; None: another program made the trial
    fidelity: str | None  # of that rung, whose values alone can be compared with its own; None likewise
    rung_name: str | None  # what that rung is called; None: the search stays on one fidelity
    position: int | None  # of its slot on the rung, from 0
    attempt: int | None  # of its slot, from 1; an earlier one than the slot's last was superseded
    worker: str | None
    started_at: datetime | None  # UTC
    seconds: float | None  # from start to end
    curve: tuple[tuple[int, float], ...]  # (step, value reported there): epochs or folds
    reason: str | None  # why it was pruned or failed
    traceback: str | None
    output: str | None  # the end of what its training printed; None: nothing, or a later attempt took its place
    values: tuple[float, ...]  # of all objectives, the metric first; empty where it has none
    attributes: dict[str, Any]  # what else its training noted: train, epochs, compile_seconds, fit_seconds


def best_of(found: Incumbent | None) -> Best | None:
    """What `Slots.incumbent` found, as a record for a person."""
    if found is None:
        return None
    slot = found.slot
    return Best(number=slot.trial_number, value=found.value, params=slot.params or {}, trainings=found.trainings)


def leading(storage: Storage, record: studies.StudyRecord) -> tuple[Best | None, tuple[FrontTrial, ...]]:
    """The best trial of a search, and the trials that none beats in all objectives, where it has several.

    The front has the best metric first and, of equal metrics, the cheapest. Raises StorageError.
    """
    from hpo.analysis.methods import pareto

    slots = Slots(storage)
    if not record.costs:
        return best_of(slots.incumbent(record.name, record.direction)), ()
    its = [
        FrontTrial(number=slot.trial_number, values=(slot.value, *slot.further), params=slot.params or {})
        for slot in slots.complete(record.name)
        if slot.value is not None and len(slot.further) == len(record.costs)
    ]
    front = tuple(its[place] for place in pareto.front([trial.values for trial in its], record.directions))
    if not front:
        return None, ()
    return Best(number=front[0].number, value=front[0].values[0], params=front[0].params), front


def best(storage: Storage, word: str) -> BestTrial:
    """The best trial of a search. Raises StudyError where there is no such search, or no complete trial in it."""
    record = studies.find(storage, word)
    if record.kind != "search":
        raise StudyError(
            f"study {record.name!r} measures ({studies.purpose(record)}), and the luckiest of measurements is no best "
            f"one: hpo export {shlex.quote(record.name)} -o FILE gives them all"
        )
    found, front = leading(storage, record)
    if found is None:
        counts = Slots(storage).counts(record.name)
        nothing = nothing_complete(storage, counts)
        if nothing is not None:
            raise StudyError(f"no trial of {record.name} is complete: {nothing.why}")
        where = "" if record.rungs is None else f" at fidelity {record.fidelity}"
        raise StudyError(
            f"study {record.name!r} has no complete trial{where} yet ({counts.pruned} pruned, {counts.failed} failed, "
            f"{counts.running} running): hpo status {shlex.quote(record.name)} shows how far it is"
        )
    return BestTrial(
        study=record.name,
        number=found.number,
        value=found.value,
        trainings=found.trainings,
        params=found.params,
        metric=record.metric,
        direction=record.direction,
        baseline=_baseline(record, Slots(storage).list(record.name)),
        objectives=(record.metric, *record.costs) if record.costs else (),
        front=front,
        fidelities=record.fidelities,
        climb=climbed(storage, record),
        comparable=not record.by_objective or record.rungs is not None,
    )


def climbed(storage: Storage, record: studies.StudyRecord) -> "ClimbFindings | None":
    """What the rungs of a search say of one another; None where it does not climb. Raises StorageError."""
    from hpo.analysis.rung_agreement import examine_climb

    if record.rungs is None:
        return None
    slots = Slots(storage).list(record.name)
    values: list[dict[str, float]] = [{} for _ in record.fidelities]
    for slot in slots:
        if slot.outcome == "complete" and slot.value is not None and slot.digest is not None:
            values[slot.rung][slot.digest] = slot.value
    # Of the rungs above the first only the hand-picked configuration's slots were asked for when they were made.
    prior = next((slot.digest for slot in slots if slot.rung and slot.payload), None)
    return examine_climb(values, direction=record.direction, prior=prior)


def nothing_complete(storage: Storage, counts: Counts) -> NothingComplete | None:
    """Why no trial of a study is complete; None where one is, or may still come to be. Raises StorageError."""
    if not counts.target or counts.settled < counts.target:
        return None
    with storage.read() as connection:
        if connection.execute(select(_slot.c.id).where(of_study(counts.study), RANKED).limit(1)).first() is not None:
            return None
    outcomes: tuple[Outcome, ...] = ("failed", "pruned")  # a failure has more to show
    ended = [(outcome, *last) for outcome in outcomes if (last := _last(storage, counts.study, outcome)) is not None]
    below = [f"{counts.complete} at lower fidelities alone"] if counts.complete else []
    whys = [f"{getattr(counts, outcome)} {outcome}, the last with {reason}" for outcome, _, reason in ended]
    return NothingComplete(why="; ".join([*below, *whys]), trial=next((trial for _, trial, _ in ended), None))


def failure(storage: Storage, study: str) -> tuple[int | None, str] | None:
    """Trial number and reason of the failure settled last; None where nothing failed. Raises StorageError."""
    return _last(storage, study, "failed")


def _last(storage: Storage, study: str, outcome: Outcome) -> tuple[int | None, str] | None:
    """Number and reason of the trial that ended so last."""
    query = (
        select(_slot.c.trial_number, _slot.c.reason)
        .where(of_study(study), _slot.c.outcome == outcome)
        .order_by(desc(_slot.c.settled_at), desc(_slot.c.id))
        .limit(1)
    )
    with storage.read() as connection:
        found = connection.execute(query).first()
    return None if found is None else (found.trial_number, found.reason or "no reason was recorded")


def trial(storage: Storage, word: str, number: int) -> TrialReport:
    """One trial by Optuna's number. Raises StudyError where there is none."""
    record = studies.find(storage, word)
    found = next(iter(stored_trials.read(storage, record.name, number)), None)
    if found is None:
        count = stored_trials.count(storage, record.name)
        there = f"its trials are 0 to {count - 1}" if count else "it has none yet"
        raise StudyError(f"study {record.name!r} has no trial {number}; {there}")
    slots = Slots(storage)
    wanted = found.system.whole(SLOT)  # one made by another program has none
    slot = None if wanted is None else slots.by_id([wanted]).get(wanted)
    if slot is not None and (slot.study, slot.attempt) != (record.name, found.system.whole(ATTEMPT)):
        slot = None  # its last word is about a later trial
    return _report(record, found, slot, None if slot is None else slots.output(slot))


def _baseline(record: studies.StudyRecord, slots: Sequence[Slot]) -> Baseline | None:
    try:
        first = hand_picked(studies.searched(record).baselines, record.space, record.hand)
    except HpoError:  # the file was moved or has changed: what was found stands without it
        return None
    if first is None:
        return None
    params = dict(first.params_in(record.space))
    its = [slot for slot in slots if slot.outcome is not None and slot.highest and dict(slot.params or {}) == params]
    if not its:
        return None
    complete = [slot for slot in its if slot.outcome == "complete" and slot.value is not None]
    shown = (complete or its)[0]
    values = [slot.value for slot in complete if slot.value is not None]
    return Baseline(
        name=first.name,
        number=shown.trial_number,
        outcome=shown.outcome or "failed",
        value=fmean(values) if values else shown.value,
    )


def _report(
    record: studies.StudyRecord, found: stored_trials.StoredTrial, slot: Slot | None, output: str | None
) -> TrialReport:
    seed, reason, noted = found.noted()
    started, ended = found.started_at, found.ended_at
    return TrialReport(
        study=record.name,
        number=found.number,
        state=found.state,
        value=found.value if found.state in ("complete", "pruned") else None,
        params=dict(slot.params) if slot is not None and slot.params else found.params,
        seed=seed,
        rung=found.rung,
        fidelity=record.fidelity_of(found.rung),
        rung_name=record.rung_name(found.rung),
        position=found.system.whole(POSITION),
        attempt=found.system.whole(ATTEMPT),
        worker=slot.worker if slot is not None else None,
        started_at=started,
        seconds=(ended - started).total_seconds() if started is not None and ended is not None else None,
        curve=found.curve,
        reason=(slot.reason if slot is not None else None) or reason,
        traceback=slot.traceback if slot is not None else None,
        output=output,
        values=found.values,
        attributes=noted,
    )
