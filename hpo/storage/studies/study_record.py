"""What is asked of a study, the study as it was made, and in words what is refused where the two differ."""

import json
import shlex
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, cast

from hpo.errors import DataError, StudyError, UsageError
from hpo.storage.schema import LONGEST_NAME
from hpo.study import Params, registry
from hpo.study.direction import Direction, at_least
from hpo.study.objectives import further
from hpo.study.open_space import is_of_objective
from hpo.study.searchable import Searchable

__all__ = [
    "CONFIRMATION",
    "NAMED_ONCE",
    "UNNAMED",
    "Kind",
    "StudyPlan",
    "StudyRecord",
    "named_by",
    "purpose",
    "refuse_mismatch",
    "refuse_odd_name",
    "refuse_other",
    "refuse_other_rows",
    "refuse_stopped",
    "searched",
    "stopped",
]

Kind = Literal["search", "sweep", "greedy", "race", "pairs", "resampled"]
"""What a study is for. A search looks for a configuration; all others measure configurations that are known already:
the tables of a report, the hand method followed anew, and of a search its best ones, pairs, and redrawn pairs."""

UNNAMED = ""
"""The reference of a study that was adopted, as long as nobody has said what it is of."""

NAMED_ONCE = ("definition", "space", "fingerprint", "metric", "objectives")
"""What such a study takes of the objective that it goes on with."""

CONFIRMATION = "confirmed"
"""The rung that trains again what a search that climbs found best: so it is called beside those called by fidelity."""


def refuse_odd_name(name: str) -> None:
    """Refuse what no study can be called. Raises UsageError."""
    if not (0 < len(name) <= LONGEST_NAME and name.isprintable()):
        raise UsageError(f"a name must have from 1 to {LONGEST_NAME} printable characters, not {name!r:.60}")


@dataclass(frozen=True, kw_only=True)
class StudyPlan:
    """What a person asks of a study."""

    name: str  # DEFINITION-SPACE-FIDELITY unless the person says otherwise
    reference: str  # the definition as `registry.load` takes it, on any machine and in any folder; or `UNNAMED`
    definition: str  # the definition's own name
    space: str  # name of the space
    fingerprint: str  # of the space: changes when a domain does
    fidelity: str  # name, of the values; where it climbs, the highest one
    direction: str  # maximize or minimize
    metric: str  # what the value is
    seed: int | None = None  # None: the study's own, drawn where it is new
    sampler: str | None = None  # a name in settings.SAMPLERS; None: the study's own, or the default where it is new
    pruner: str | None = None  # a name in settings.PRUNERS; None likewise
    kind: Kind = "search"
    parent: str | None = None  # name of the search it measures; None: of none
    version: str | None = None  # of the definition's code, `StudyDefinition.version`; None: not known
    trial_timeout: float | None = None  # seconds for one trial; a trial over it fails; None: no limit of its own
    until: float | None = None  # nothing is begun once the best value is at least this good; None: no such value
    margin: float | None = None  # a difference of the metric too small to matter; None: not said
    rungs: str | None = None  # names of the fidelities it climbs, cheapest first, by commas; None: it stays on one
    prior: str | None = None  # JSON, the hand-picked configuration it begins with; None: none, or the study's own
    objectives: str | None = None  # as `hpo.study.objectives.kept` writes them; None: the metric alone

    @property
    def fidelities(self) -> tuple[str, ...]:
        """Of each rung, the lowest first; the last rung confirms what the one below it found."""
        return (self.fidelity,) if self.rungs is None else (*self.rungs.split(","), self.fidelity)

    @property
    def rung_names(self) -> tuple[str, ...]:
        """Of each rung, the lowest first: its fidelity, and of the last one of a search that climbs `CONFIRMATION`."""
        return self.fidelities if self.rungs is None else (*self.fidelities[:-1], CONFIRMATION)

    def fidelity_of(self, rung: int | None) -> str | None:
        """The fidelity of a rung; None where it has no such rung."""
        return self.fidelities[rung] if rung is not None and rung < len(self.fidelities) else None

    def rung_name(self, rung: int | None) -> str | None:
        """What a rung is called; None where it stays on one fidelity, or has no such rung."""
        return self.rung_names[rung] if self.rungs is not None and self.fidelity_of(rung) and rung is not None else None

    @property
    def work(self) -> str:
        """The fidelity it stays on, or those it climbs, in words."""
        return f"fidelity {self.fidelity}" if self.rungs is None else f"fidelities {self.rungs.replace(',', ', ')}"

    @property
    def hand(self) -> Params | None:
        """The hand-picked configuration it begins with."""
        return None if self.prior is None else dict(json.loads(self.prior))

    @property
    def costs(self) -> tuple[str, ...]:
        """What is weighed against the metric, in the order of the objectives; empty where nothing is."""
        return tuple(further(self.objectives))

    @property
    def directions(self) -> tuple[Direction, ...]:
        """Which values are better, of each objective, the metric's first."""
        return (cast("Direction", self.direction), *further(self.objectives).values())

    @property
    def where(self) -> tuple[str, ...]:
        """The options of hpo optimize that say where it searches."""
        if self.by_objective:
            return "--direction", ",".join(self.directions)
        stays = () if self.rungs is not None else ("--fidelity", self.fidelity)
        return "--space", self.space, *stays

    @property
    def value_name(self) -> str:
        """What the value of a trial is, in words: of a definition it is of validation rows."""
        return self.metric if self.by_objective else f"validation {self.metric}"

    @property
    def unnamed(self) -> bool:
        """Whether it was adopted, and nobody has said yet what it is of."""
        return self.reference == UNNAMED

    @property
    def shown_reference(self) -> str:
        """The reference for a command that is told to a person."""
        return self.reference or "FILE.py:objective"

    @property
    def by_objective(self) -> bool:
        """Whether it is of an Optuna objective, which trains whatever it trains itself."""
        return is_of_objective(self.space)

    def reached(self, value: float, trainings: int = 1) -> bool:
        """Whether a value is as good as `until` asks for; never where that asks for nothing.

        Of a study that climbs, one that was trained again: a single one may be luck.
        """
        certain = self.rungs is None or trainings > 1
        return self.until is not None and certain and at_least(self.direction, value, self.until)


@dataclass(frozen=True, kw_only=True)
class StudyRecord(StudyPlan):
    """A study as it was made."""

    id: int  # never used twice in one database, so it tells a study from an earlier or later one of its name
    seed: int
    sampler: str
    pruner: str
    created_at: float  # seconds since 1970
    stopped_at: float | None = None  # seconds since 1970; None: it is not stopped
    stopped_by: str | None = None  # who stopped it
    stopped_why: str | None = None  # the reason, where one was given
    data: str | None = None  # digest of the rows it was begun with; None: not loaded yet


def searched(record: StudyPlan) -> Searchable:
    """What the study is of, loaded; an objective that does not say its directions has the study's.

    Raises:
        StudyError: it was adopted, and nobody has said yet what it is of.
        UsageError, DefinitionError, StaleProcessError: as `registry.find`.

    """
    if record.unnamed:
        raise StudyError(
            f"study {record.name!r} was adopted, and nobody has said what it is of: hpo optimize FILE.py:objective "
            f"--trials N --name {shlex.quote(record.name)} says it, and goes on"
        )
    return registry.find(record.reference, record.directions)


def purpose(plan: StudyPlan) -> str:
    """Kind of a study for a person, and what it measures where that is a search."""
    return plan.kind if plan.parent is None else f"{plan.kind} of {plan.parent}"


def named_by(existing: StudyRecord, plan: StudyPlan) -> StudyRecord:
    """The study as it is once the objective of a plan has named what it is of, where nobody has before.

    Raises:
        StudyError: what is planned is no objective, or has other directions.

    """
    if not existing.unnamed:
        return existing
    if not plan.by_objective:
        raise StudyError(
            f"study {existing.name!r} was adopted from Optuna, so it goes on with an objective or a program, and "
            f"{plan.definition} is a definition: {_remedy(plan.name, plan.kind)}"
        )
    if existing.directions != plan.directions:
        was, wanted = (", ".join(one.directions) for one in (existing, plan))
        raise StudyError(f"study {existing.name!r} is to {was}, not to {wanted}: {_remedy(plan.name, plan.kind)}")
    return replace(existing, **{name: getattr(plan, name) for name in NAMED_ONCE})


def refuse_mismatch(existing: StudyRecord, plan: StudyPlan) -> None:
    """Refuse a study that was asked for otherwise than it is planned now. Raises StudyError."""
    refuse_other(existing, plan)
    if existing.definition == plan.definition and existing.rungs != plan.rungs:
        was, wanted = (_climbs(one) for one in (existing, plan))
        raise StudyError(f"study {plan.name!r} is {was}, not {wanted}: {_remedy(plan.name, plan.kind)}")
    # The jobs of a measurement have seeds of their own, and its sampler and pruner do nothing.
    own = ("sampler", "pruner", "seed") if plan.kind == "search" else ()
    for name in ("definition", "space", "fidelity", "direction", "metric", *own):
        was, wanted = getattr(existing, name), getattr(plan, name)
        if wanted is not None and was != wanted:
            raise StudyError(
                f"study {plan.name!r} was made with {name} {was}, not {wanted}: {_remedy(plan.name, plan.kind)}"
            )
    if existing.objectives != plan.objectives:
        was, wanted = (",".join((one.metric, *one.costs)) for one in (existing, plan))
        how = f"--objectives {shlex.quote(was)}" if existing.costs else "no --objectives"
        how = "what it returned then" if existing.by_objective else how
        raise StudyError(
            f"study {plan.name!r} was made with objectives {was}, not {wanted}: it goes on with {how}; or"
            f" {_remedy(plan.name, plan.kind)}"
        )
    if plan.prior is not None and existing.hand != plan.hand:
        raise StudyError(
            f"study {plan.name!r} did not begin with that hand-picked configuration: leave --prior out, or "
            f"{_remedy(plan.name, plan.kind)}"
        )
    if existing.fingerprint != plan.fingerprint:
        raise StudyError(
            f"study {plan.name!r} was made when space {plan.space!r} was another one (fingerprint "
            f"{existing.fingerprint}, now {plan.fingerprint}): {_remedy(plan.name, plan.kind)}"
        )


def refuse_other(existing: StudyPlan, wanted: StudyPlan | None = None) -> None:
    """Refuse a study that is for something else than `wanted`, or for `None` than searching. Raises StudyError."""
    kind, parent = ("search", None) if wanted is None else (wanted.kind, wanted.parent)
    if (existing.kind, existing.parent) != (kind, parent):
        what = purpose(wanted) if wanted is not None else kind
        raise StudyError(
            f"study {existing.name!r} is a {purpose(existing)}, not a {what}: {_remedy(existing.name, kind)}"
        )


def refuse_stopped(existing: StudyRecord) -> None:
    """Refuse to work at a study that is stopped. Raises StudyError."""
    if existing.stopped_at is not None:
        raise StudyError(
            f"study {existing.name!r} {stopped(existing)}: hpo resume {shlex.quote(existing.name)} lets it go on"
        )


def stopped(record: StudyRecord) -> str:
    """Who stopped a study, when and why, in words that follow its name."""
    assert record.stopped_at is not None
    when = datetime.fromtimestamp(record.stopped_at, UTC)
    why = "" if record.stopped_why is None else f" ({record.stopped_why})"
    return f"was stopped by {record.stopped_by} at {when:%Y-%m-%d %H:%M} UTC{why}"


def refuse_other_rows(study: str, kept: str | None, found: str) -> None:
    """Refuse rows that are not those of the study; None: it keeps none yet, or is gone. Raises DataError."""
    if kept not in (None, found):
        raise DataError(
            f"the rows that data() gives here ({found[:8]}) are not those study {study!r} was begun with ({kept[:8]}): "
            "give each random split in data() a seed; where the rows have changed, begin another study (--name OTHER) "
            f"or this one anew (hpo delete {shlex.quote(study)})"
        )


def _climbs(plan: StudyPlan) -> str:
    if plan.rungs is None:
        return f"one that stays on {plan.fidelity}"
    return f"one that climbs {plan.rungs.replace(',', ', ')}"


def _remedy(name: str, kind: Kind) -> str:
    """How to come by a study of that name, or without it, where there is one that was asked for otherwise."""
    if kind == "search":
        return "give the new one a name of its own, --name OTHER"
    return f"`hpo delete {shlex.quote(name)}` makes way for the new one"
