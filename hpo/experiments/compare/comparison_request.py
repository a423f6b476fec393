"""What a person asks of a comparison, and who meets whom: the best of a search and the hand-picked configuration."""

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from hpo.errors import StudyError, UsageError
from hpo.experiments.compare.comparison_report import Side
from hpo.fleet.run_limits import Limits, refuse_beyond
from hpo.observers.naming import Named
from hpo.observers.observer import Observer
from hpo.storage import Storage, studies
from hpo.storage.slots.slot import Incumbent, Slot, incumbents
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyRecord
from hpo.study import Baseline, Fidelity, Params, Space
from hpo.study.baseline import hand_picked
from hpo.study.contained import run
from hpo.study.plain_objective import PlainObjective
from hpo.study.searchable import Searchable

__all__ = ["CompareRequest", "Contest", "contest"]


_TRIALS = 50  # to ask of a search that has none


@dataclass(frozen=True, kw_only=True)
class CompareRequest:
    """Compare the optimum of a search with a hand-picked configuration.

    Raises:
        UsageError: a number is out of range.

    """

    study: str  # name of the search; a definition's name where it has one search
    storage: str = field(default="sqlite:///hpo.db", repr=False)  # URL; may hold a password, so never print it
    pairs: int = 12  # of the final, earlier runs included; where there are more already, all of them count
    baseline: str | None = None  # name of the definition's; None: its first
    fidelity: str | None = None  # of the final; None: the definition's last
    candidates: int = 5  # of the search's best distinct trials that enter the race
    rounds: int = 3  # splits of the race's first heat
    margin: float | None = None  # a difference of the metric too small to matter; None: the definition's
    resample: bool | None = None
    # None: pairs whose test rows are drawn anew come as a second line where the evaluation has folds; False: never;
    # True: they are the verdict, and there are no pairs on the definition's own test rows
    limits: Limits = field(default_factory=Limits)  # workers and limits
    observers: Sequence[Named | Observer] = field(default=(), repr=False)  # who is told of its trainings

    def __post_init__(self) -> None:
        refuse_beyond("pairs", self.pairs, 1, 10_000)  # two trainings each
        refuse_beyond("candidates", self.candidates, 1, 100)
        refuse_beyond("rounds", self.rounds, 1, 1_000)
        if self.margin is not None and not (math.isfinite(self.margin) and self.margin > 0):
            raise UsageError(f"the margin must be a finite number above 0, not {self.margin:g}")


@dataclass(frozen=True, kw_only=True)
class Contest:
    """All that is known of a comparison before anything is trained for it."""

    request: CompareRequest
    record: StudyRecord  # the search
    definition: Searchable
    space: Space  # the search's
    search_fidelity: Fidelity
    fidelity: Fidelity  # of the final
    hand: Baseline  # as the definition has it
    baseline: Side  # the same, as the search's space writes it
    candidates: tuple[Side, ...]  # the best distinct complete trials other than the baseline, best first; where the
    # search climbs, those of the highest fidelity, what was confirmed before what was not
    confirmed: bool  # whether the search trained its best again at its highest fidelity
    leads: bool  # whether the search's optimum is the baseline itself
    settled: int  # trials of the search
    target: int  # trials the search is to have


def contest(storage: Storage, request: CompareRequest) -> Contest:
    """Find both sides, and refuse what cannot be compared. Nothing is written.

    Raises:
        StudyError: there is no such search, its definition is another by now or has no baseline, or no trial of it
            but the baseline's is complete.
        DefinitionError: the definition cannot be loaded.
        UsageError: there is no such baseline or fidelity.

    """
    record = studies.find(storage, request.study)
    if record.kind != "search":
        parent = f": compare the search it belongs to, {record.parent}" if record.parent else ""
        raise StudyError(f"{record.name!r} is no search but the measurements of a {record.kind}{parent}")
    definition = studies.searched(record)
    space = _space(record, definition)
    _refuse_unpaired(definition, request)
    hand = hand_picked(definition.baselines, space.name, record.hand)
    if hand is None:
        remedy = "give its StudyDefinition baselines=(Baseline(…),)"
        if isinstance(definition, PlainObjective):
            remedy = definition.how_to_name_a_baseline
        raise StudyError(
            f"{definition.name} has no baseline, so there is nothing to compare {record.name} with: {remedy}"
        )
    if request.baseline not in (None, hand.name):
        hand = definition.baseline(request.baseline)
    params = hand.params_in(space.name)
    if reason := run(f"infeasible() of {definition.name!r}", lambda: definition.why_infeasible(params)):
        raise StudyError(f"baseline {hand.name!r} of {definition.name} cannot be trained: {reason}")
    fidelity = definition.fidelity(request.fidelity) if request.fidelity is not None else definition.fidelities[-1]
    slots = Slots(storage).list(record.name)
    ranked = incumbents(slots, record.direction)
    return Contest(
        request=request,
        record=record,
        definition=definition,
        space=space,
        search_fidelity=definition.fidelity(record.fidelity),
        fidelity=fidelity,
        hand=hand,
        baseline=_baseline(ranked, hand.name, params),
        candidates=_candidates(record, slots, ranked, params, request.candidates),
        confirmed=_is_confirmed(ranked, params),
        leads=bool(ranked) and dict(ranked[0].slot.params or {}) == dict(params),
        settled=sum(slot.outcome is not None for slot in slots),
        target=len(slots),
    )


def _refuse_unpaired(definition: Searchable, request: CompareRequest) -> None:
    """Refuse an objective that cannot be run in pairs, and what it has not."""
    if not isinstance(definition, PlainObjective):
        return
    if not definition.seeds:
        raise StudyError(
            f"objective {definition.name} takes no seed from its trial, so no two runs of it make a pair: have it "
            f"{definition.how_to_seed}"
        )
    if request.resample is not None:
        raise UsageError(f"objective {definition.name} draws its rows itself: leave --resample and --no-resample out")


def _space(record: StudyRecord, definition: Searchable) -> Space:
    asked, now = (record.direction, record.metric), (definition.direction, definition.metric)
    if asked != now:
        raise StudyError(
            f"{definition.name} is to {' '.join(now)} now, and {record.name!r} was to {' '.join(asked)}: bring the "
            "definition back, or search anew"
        )
    space = definition.space(record.space)
    if space.fingerprint != record.fingerprint:
        raise StudyError(
            f"space {space.name!r} of {definition.name} is another one than {record.name!r} searched (fingerprint "
            f"{space.fingerprint}, then {record.fingerprint}): bring the definition back, or search anew"
        )
    return space


def _baseline(ranked: Sequence[Incumbent], name: str, params: Params) -> Side:
    for one in ranked:
        if dict(one.slot.params or {}) == dict(params):
            return Side(name=name, number=one.slot.trial_number, params=dict(params), value=one.value)
    return Side(name=name, number=None, params=dict(params), value=None)


def _candidates(
    record: StudyRecord, slots: Sequence[Slot], ranked: Sequence[Incumbent], baseline: Params, wanted: int
) -> tuple[Side, ...]:
    found: list[Side] = []
    for one in ranked:
        params, number = dict(one.slot.params or {}), one.slot.trial_number
        if params != dict(baseline) and all(params != dict(side.params) for side in found):
            found.append(Side(name=_name(one.slot), number=number, params=params, value=one.value))
    if not found:
        raise StudyError(_nothing(record, slots, ranked))
    return tuple(found[:wanted])


def _is_confirmed(ranked: Sequence[Incumbent], baseline: Params) -> bool:
    """Whether the best configuration other than the baseline's was trained again."""
    first = next((one for one in ranked if dict(one.slot.params or {}) != dict(baseline)), None)
    return first is not None and first.trainings > 1


def _name(slot: Slot) -> str:
    return f"slot {slot.position}" if slot.trial_number is None else f"trial {slot.trial_number}"


def _nothing(record: StudyRecord, slots: Sequence[Slot], ranked: Sequence[Incumbent]) -> str:
    """Why there is nothing to compare the baseline with, and what to do about it."""
    drawn = sum(not slot.rung for slot in slots)
    left = sum(slot.outcome is None for slot in slots)
    total = drawn if left else 2 * drawn or _TRIALS  # what is not done goes on; more are asked for of what is
    where = " ".join(shlex.quote(word) for word in record.where)
    more = (
        f"hpo optimize {shlex.quote(record.shown_reference)} --trials {total} {where} --name {shlex.quote(record.name)}"
    )
    at = "" if record.rungs is None else f" at fidelity {record.fidelity}"
    if ranked:
        done = f", and {left} trials are not done" if left else ""
        return (
            f"the only complete trial of {record.name}{at} is the baseline's{done}, so nothing was found to compare: "
            f"{more}"
        )
    if not slots:
        return f"study {record.name} has no trial yet, so there is nothing to compare: {more}"
    number = {kind: sum(slot.outcome == kind for slot in slots) for kind in ("pruned", "failed")}
    remedy = f"hpo status {shlex.quote(record.name)} shows why" if not left else more
    return (
        f"no trial of {record.name} is complete{at} ({number['pruned']} pruned, {number['failed']} failed, {left} "
        f"not done), so there is nothing to compare: {remedy}"
    )
