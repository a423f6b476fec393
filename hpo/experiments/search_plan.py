"""What a person asks of a search, and the request resolved: which study of what, and about how long it takes.

Nothing is changed by it. The database is opened here and handed on with the plan, so that whoever carries it out and
tells of it afterwards has the same one.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hpo import storage as storages
from hpo.errors import UsageError
from hpo.experiments.study_execution import code_changed, fleet_workers, wall_seconds
from hpo.files import expanded
from hpo.fleet.run_limits import Limits, refuse_beyond
from hpo.settings import CLIMBING_SAMPLERS, DEFAULT_SAMPLER, PRUNERS, SAMPLERS, storage_url
from hpo.storage import Storage, studies
from hpo.storage.schema import LONGEST_NAME
from hpo.storage.slots.slot import RungCounts
from hpo.storage.slots.slots import MAX_SLOTS, Slots
from hpo.storage.storage_url import parse
from hpo.storage.studies import StudyRecord
from hpo.study import Fidelity, Params, Space, StudyDefinition, registry
from hpo.study.configurations import read_configurations
from hpo.study.direction import loss
from hpo.study.objectives import parse_objectives
from hpo.study.rungs import Rung, climb, lacking

if TYPE_CHECKING:
    from hpo.storage.queries.status import StudyStatus
    from hpo.storage.slots.slot_trials import Earlier

__all__ = ["Limit", "Plan", "Request", "plan", "study_name"]


_EARLIER_BEST, _EARLIER_OTHERS = 30, 70  # configurations of an earlier search that a sampler begins with, at most

Limit = Literal["trial_timeout", "until"]
"""What a study may keep of its own, for workers anywhere."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """Bring the study of a definition to `trials` settled slots.

    Raises:
        UsageError: a number is out of range, or a name is unknown.

    """

    definition: str  # as `registry.load` takes it: cnn, package.module:attribute, path/to/file.py:attribute
    trials: int  # slots the study shall have in total, earlier runs included
    storage: str = field(default="sqlite:///hpo.db", repr=False)  # URL; may hold a password, so never print it
    space: str | None = None  # None: the definition's first
    fidelity: str | None = None  # the one to stay on; None: the search climbs all of the definition's
    sampler: str | None = None  # None: the study's own, or the default where the study is new
    pruner: str | None = None  # None likewise
    seed: int | None = None  # None: the study's own, drawn from the system where the study is new
    name: str | None = None  # of the study; None: DEFINITION-SPACE, and -FIDELITY where it stays on one
    until: float | None = None  # stop as soon as the best value is at least this good
    forget: Collection[Limit] = ()  # limits the study keeps and shall have no more
    try_: Sequence[Params] = ()  # configurations to try first, after the baseline
    try_file: Path | None = None  # JSON file with more of them
    prior: str | None = None  # the hand-picked configuration: a baseline, or a JSON file; None: the first baseline
    from_study: str | None = None  # name of an earlier search; what it found is what the sampler begins with
    limits: Limits = field(default_factory=Limits)  # of the run: by how many workers here, and for how long
    objectives: str | None = None  # METRIC,COST[,COST] to search a Pareto front of; None: the metric alone
    objective: str | None = None
    # package.module:attribute or path/to/file.py:attribute of a function `beat -> objective`, in place of training the
    # definition's models: to search something other than a Keras model
    climb: bool = False  # whether such an objective climbs: a trial of it says on which rung it is (system attributes)

    def __post_init__(self) -> None:
        refuse_beyond("trials", self.trials, 1, MAX_SLOTS)
        if self.name is not None and not (0 < len(self.name) <= LONGEST_NAME and self.name.isprintable()):
            raise UsageError(f"a name must have from 1 to {LONGEST_NAME} printable characters, not {self.name!r:.60}")
        if self.seed is not None:
            refuse_beyond("seed", self.seed, 0, 2**32 - 1)
        if self.until is not None and not math.isfinite(self.until):
            raise UsageError(f"until must be a finite number, not {self.until}")
        if self.objective is not None and self.limits.workers == 0:
            raise UsageError("an objective of one's own is run by workers here: a fleet's have the definition alone")
        if self.objectives is not None:
            self._refuse_front()
        for kind, name, known in (("sampler", self.sampler, SAMPLERS), ("pruner", self.pruner, PRUNERS)):
            if name is not None and name not in known:
                raise UsageError(f"there is no {kind} {name!r}; there are: {', '.join(known)}")

    def _refuse_front(self) -> None:
        """Refuse what cannot go with several objectives."""
        if self.pruner not in (None, "none"):
            raise UsageError(
                f"a search with several objectives prunes nothing, so not by {self.pruner}: leave --pruner out"
            )
        if self.sampler == "cmaes":
            raise UsageError("sampler cmaes searches for one objective: with --objectives use tpe or nsga2")
        if self.until is not None:
            raise UsageError("--until names one value, and --objectives search a front: leave one of them out")

    @property
    def processes(self) -> int:
        """Workers to start; 0: none, workers elsewhere do it."""
        return self.limits.processes(self.trials)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run is going to do. It holds the database open until it is closed (`contextlib.closing`)."""

    request: Request  # as asked for; of a study that goes on by its name, with what it was made with filled in
    found: Storage | None  # the open database; None: there is none yet
    study: str  # name
    record: StudyRecord | None  # the study as it was made; None: it will be made
    existing: "StudyStatus | None"  # the study as it stands
    definition: StudyDefinition
    space: Space
    fidelity: Fidelity  # of the study's values: the one it stays on, or the highest it climbs to
    rungs: tuple[Rung, ...]  # the last one confirms what was found; empty: it stays on one fidelity
    stays: str | None  # why it does, where nobody asked for that
    sampler: str  # asked for, or the study's own, or the default
    pruner: str  # likewise; the default gives way where it cannot work
    costs: tuple[str, ...]  # weighed against the metric; empty: the metric alone counts
    prior: Params | None  # the hand-picked configuration
    earlier: "tuple[Earlier, ...]"  # what another search found, for the sampler to begin with
    tried: tuple[Params, ...]  # configurations asked for to be tried first
    first: tuple[Params, ...]  # all that come before any that is sampled, a baseline among them; no two alike
    left: int  # trials to do
    workers: int  # processes here; 0: none, a fleet does it
    serving: int  # workers elsewhere that would serve it; 0 where there are workers here
    safe_url: str  # of the storage, without a password
    default_storage: bool  # a command without --storage finds it
    seconds: float | None  # about how long it takes; None: nothing to tell it from
    measured: bool  # the estimate comes from this study's own trials, not from its definition
    changed: bool  # the definition's code is another one than when the study was asked for last

    @cached_property
    def storage(self) -> Storage:
        """The open database, made at the first use where there is none yet.

        Raises:
            StorageError: it cannot be made.

        """
        return self.found or storages.prepare(self.request.storage)

    @property
    def objectives(self) -> str | None:
        """What is searched for, as the study keeps it; None: the metric alone."""
        return ",".join((self.definition.metric, *self.costs)) if self.costs else None

    def close(self) -> None:
        """Close the database, where it was opened."""
        if self.found is not None or "storage" in self.__dict__:
            self.storage.close()


def plan(request: Request, *, by_study: bool = False) -> Plan:
    """What is going to be done. Nothing is written.

    Args:
        request: what is asked for.
        by_study: whether `request.definition` may name a study in its place, which goes on as it was made.

    Raises:
        UsageError: the request names what there is not, or contradicts itself or the definition; the study has more
            trials than asked for.
        StudyError: the study of that name is no search, or the definition of that name has several.
        DefinitionError: the definition cannot be loaded.
        StorageError: the database is there and cannot be read or written, or is another program's.

    """
    found = storages.find(request.storage, to_write=True)
    try:
        return _resolved(_as_made(request, found) if by_study and found is not None else request, found)
    except BaseException:
        if found is not None:
            found.close()
        raise


def study_name(
    definition: StudyDefinition, space: Space, fidelity: Fidelity | None = None, costs: Sequence[str] = ()
) -> str:
    """What a study is called unless it is told otherwise.

    Args:
        definition: what is searched.
        space: where.
        fidelity: the one it stays on; None: it climbs.
        costs: what is weighed against the metric.

    """
    return "-".join((definition.name, space.name, *([fidelity.name] if fidelity else []), *costs))


def _as_made(request: Request, found: Storage) -> Request:
    """The request with its definition, where it names a study in its place.

    A word that is neither a study nor a definition that could be loaded means the only study of the definition of
    that name, as it does to every other command.
    """
    if request.name is not None:
        return request
    record = studies.lookup(found, request.definition) or _only(found, request.definition)
    if record is None:
        return request
    studies.refuse_other(record)
    return replace(
        request,
        definition=record.reference,
        name=record.name,
        space=request.space or record.space,
        fidelity=request.fidelity or (record.fidelity if record.rungs is None else None),
        objectives=request.objectives or record.objectives,
    )


def _only(found: Storage, word: str) -> StudyRecord | None:
    """The only study of the definition of that name, where nothing installed has it; None where there is none."""
    if word in registry.names() or all(word != record.definition for record in studies.list_all(found)):
        return None
    return studies.find(found, word)


def _resolved(request: Request, found: Storage | None) -> Plan:
    from hpo.storage.queries import status

    definition = registry.load(request.definition)
    space = definition.space(request.space)
    costs = parse_objectives(request.objectives, definition) if request.objectives is not None else ()
    stays = None if request.fidelity is not None else _why_it_stays(request)
    climbs = request.fidelity is None and stays is None
    fidelity = definition.fidelities[-1 if climbs else 0]
    if request.fidelity is not None:
        fidelity = definition.fidelity(request.fidelity)
    name = request.name or study_name(definition, space, None if climbs else fidelity, costs)
    record = None if found is None else studies.lookup(found, name)
    if record is not None and request.fidelity is None:  # it goes on as it was made
        climbs, fidelity = record.rungs is not None, definition.fidelity(record.fidelity)
    prior = _prior(request, definition, space)
    counted = Slots(found).rungs(name) if found is not None else ()
    hand = any(each.prior for each in counted) if len(counted) > 1 else prior is not None
    rungs = climb([each.name for each in definition.fidelities], request.trials, prior=hand)
    existing, pace = None, None
    if found is not None and record is not None:
        studies.refuse_other(record)
        existing, pace = status.study_status(found, name), status.mean_seconds(found, name)
        if existing.drawn > request.trials:
            raise UsageError(
                f"study {name!r} has {existing.drawn} trials already, so it cannot be brought to {request.trials}; "
                f"give --trials {existing.drawn} or more, or another --name"
            )
    sampler, pruner = _methods(request, record, definition, space, None if climbs else fidelity)
    tried = _tried(request, definition, space)
    if climbs:
        works = _works(rungs, definition, counted, {} if found is None else status.seconds_by_rung(found, name))
    else:
        each = pace if pace is not None else fidelity.trial_seconds
        works = [(request.trials - (0 if existing is None else existing.settled), each)]
    left = sum(trials for trials, _ in works)
    known = [trials * each for trials, each in works if each is not None]
    serving = fleet_workers(found, name) if found is not None and not request.processes else 0
    where = parse(request.storage)
    return Plan(
        request=request,
        found=found,
        study=name,
        record=record,
        existing=existing,
        definition=definition,
        space=space,
        fidelity=fidelity,
        rungs=rungs if climbs else (),
        stays=stays,
        sampler=sampler,
        pruner=pruner,
        costs=costs,
        prior=prior,
        earlier=_earlier(request, found, definition, space),
        tried=tried,
        first=_first(request, prior, tried),
        left=left,
        workers=request.processes,
        serving=serving,
        safe_url=where.safe,
        default_storage=parse(storage_url()).url == where.url,
        seconds=wall_seconds(sum(known) if len(known) == len(works) else None, left, request.processes or serving),
        measured=pace is not None,
        changed=code_changed(record, definition.version),
    )


def _methods(
    request: Request,
    record: StudyRecord | None,
    definition: StudyDefinition,
    space: Space,
    fidelity: Fidelity | None,  # None: it climbs
) -> tuple[str, str]:
    """The sampler and the pruner. Raises UsageError where one cannot work here: now, not in each worker."""
    from hpo.search import default_pruner, make_pruner, make_sampler

    sampler = request.sampler or (record.sampler if record is not None else DEFAULT_SAMPLER)
    make_sampler(sampler, space=space, seed=request.seed or 0)
    # What climbs is chosen among the complete trials of the first rung, which is short as it is.
    usual = "none" if fidelity is None else default_pruner(definition, fidelity)
    pruner = request.pruner or (record.pruner if record is not None else usual)
    if request.objectives is not None:
        pruner = "none"
    make_pruner(pruner, definition=definition, fidelity=fidelity)
    return sampler, pruner


def _tried(request: Request, definition: StudyDefinition, space: Space) -> tuple[Params, ...]:
    """The configurations asked for to be tried first, each one of the space."""
    for number, params in enumerate(request.try_, start=1):
        problem = space.problem(params)
        if problem:
            raise UsageError(f"configuration {number} to try first is none of space {space.name!r}: {problem}")
    written = read_configurations(request.try_file, definition, space) if request.try_file is not None else ()
    return tuple(dict(params) for params in (*request.try_, *written))


def _works(
    rungs: Sequence[Rung],
    definition: StudyDefinition,
    counted: Sequence[RungCounts],
    measured: Mapping[int, float],
) -> list[tuple[int, float | None]]:
    """Of each rung, the trials to do, and the seconds of one: measured, or as the definition says."""
    there = {each.rung: each for each in counted}
    works, more = [], 0
    for number, rung in enumerate(rungs):
        had = there.get(number)
        target, settled, waiting = (0, 0, 0) if had is None else (had.target, had.settled, had.waiting)
        more = lacking(rung, there=target, waiting=waiting, grown=bool(more))
        foreseen = definition.fidelity(rung.fidelity).trial_seconds
        works.append((target + more - settled, measured.get(number, foreseen)))
    return works


def _why_it_stays(request: Request) -> str | None:
    """Why a search cannot climb; None where it can."""
    if request.objectives is not None:
        return "a search with several objectives has no single best to promote"
    if request.objective is not None and not request.climb:
        return "an objective of one's own has no fidelities"
    if request.sampler is not None and request.sampler not in CLIMBING_SAMPLERS:
        return f"sampler {request.sampler} learns from trials of one fidelity alone"
    if request.pruner == "wilcoxon":
        return "pruner wilcoxon compares trials on folds that all of them share"
    return None


def _prior(request: Request, definition: StudyDefinition, space: Space) -> Params | None:
    """The hand-picked configuration. Raises UsageError where the word for it means none of the space."""
    if request.prior == "none":
        return None
    named = {baseline.name: baseline for baseline in definition.baselines}
    if request.prior is None:
        return dict(definition.baselines[0].params_in(space.name)) if definition.baselines else None
    if request.prior in named:
        return dict(named[request.prior].params_in(space.name))
    path = expanded(request.prior)
    if path.suffix != ".json" and not path.exists():
        raise UsageError(
            f"{definition.name} has no baseline {request.prior!r} to begin with; there are: "
            f"{', '.join([*named, 'none'])}, or a JSON file"
        )
    written = read_configurations(path, definition, space)
    if len(written) != 1:
        raise UsageError(f"--prior takes one configuration, and {path} has {len(written)}: --try takes several")
    return dict(written[0])


def _earlier(
    request: Request, found: Storage | None, definition: StudyDefinition, space: Space
) -> "tuple[Earlier, ...]":
    """What an earlier search found of this space: its best, and others, evenly.

    The best alone would mislead: a sampler that learns from ranks takes nine of ten for what to avoid.

    Raises:
        StudyError: there is no such search.
        UsageError: it is to another end, or found nothing of this space.

    """
    from hpo.search import digest
    from hpo.storage.slots.slot_trials import Earlier

    if request.from_study is None:
        return ()
    if found is None:
        raise UsageError(f"there is no database yet, so no study {request.from_study!r} to begin from")
    record = studies.find(found, request.from_study)
    studies.refuse_other(record)
    if (record.metric, record.direction) != (definition.metric, definition.direction):
        raise UsageError(
            f"study {record.name!r} is to {record.direction} {record.metric}, and {definition.name} to "
            f"{definition.direction} {definition.metric}: what one found says nothing to the other"
        )
    epochs = {each.name: each.epochs for each in definition.fidelities}
    dearest = max(epochs.values())
    ranked: dict[str, Earlier] = {}  # each configuration once, by its value at the highest fidelity it reached
    for slot in sorted(
        (slot for slot in Slots(found).complete(record.name) if slot.value is not None),
        key=lambda slot: (-slot.rung, loss(record.direction, slot.value or 0.0), slot.position),
    ):
        if space.problem(slot.fixed) is None:
            step = dearest if slot.highest else epochs.get(record.fidelities[slot.rung], 0)
            ranked.setdefault(digest(slot.fixed), Earlier(params=slot.fixed, value=slot.value or 0.0, step=step))
    if not ranked:
        raise UsageError(
            f"no complete trial of study {record.name!r} is a configuration of space {space.name!r} of "
            f"{definition.name}: begin from one of the same parameters"
        )
    best, rest = list(ranked.values())[:_EARLIER_BEST], list(ranked.values())[_EARLIER_BEST:]
    every = -(-len(rest) // _EARLIER_OTHERS) or 1
    return (*best, *rest[::every])


def _first(request: Request, prior: Params | None, tried: Sequence[Params]) -> tuple[Params, ...]:
    """What comes before any configuration that is sampled: the hand-picked one, then what was asked for."""
    named = [*([prior] if prior is not None else []), *tried]
    distinct = [params for at, params in enumerate(named) if params not in named[:at]]
    if len(distinct) > request.trials:
        raise UsageError(
            f"{len(distinct)} configurations are to be tried first, a baseline counted, and only {request.trials} "
            f"trials in all: give --trials {len(distinct)} or more"
        )
    return tuple(distinct)
