"""A request for a search resolved, once: which study of what, and about how long it takes.

Nothing is changed by it. The database is opened here and handed on with the plan, so that whoever carries it out and
tells of it afterwards has the same one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from hpo import storage as storages
from hpo.errors import UsageError
from hpo.experiments.known_configurations import all_first, found_earlier, hand_picked, tried_first
from hpo.experiments.search_request import Limit, Request
from hpo.experiments.search_subject import as_made, refuse_other_file, searched, study_name, weighed, why_it_stays
from hpo.experiments.study_execution import code_changed, fleet_workers, wall_seconds
from hpo.settings import DEFAULT_SAMPLER, storage_url
from hpo.storage import Storage, studies
from hpo.storage.slots.slot import RungCounts
from hpo.storage.slots.slots import Slots
from hpo.storage.storage_url import parse
from hpo.storage.studies import StudyRecord
from hpo.study import Direction, Fidelity, Params, Space
from hpo.study.objectives import kept
from hpo.study.plain_objective import PlainObjective
from hpo.study.rungs import Rung, climb, lacking
from hpo.study.searchable import Searchable

if TYPE_CHECKING:
    from hpo.storage.queries.status import StudyStatus
    from hpo.storage.slots.slot_trials import Earlier

__all__ = ["Limit", "Plan", "Request", "plan", "study_name"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run is going to do. It holds the database open until it is closed (`contextlib.closing`)."""

    request: Request  # as asked for; of a study that goes on by its name, with what it was made with filled in
    found: Storage | None  # the open database; None: there is none yet
    study: str  # name
    record: StudyRecord | None  # the study as it was made; None: it will be made
    existing: "StudyStatus | None"  # the study as it stands
    definition: Searchable
    space: Space
    fidelity: Fidelity  # of the study's values: the one it stays on, or the highest it climbs to
    rungs: tuple[Rung, ...]  # the last one confirms what was found; empty: it stays on one fidelity
    stays: str | None  # why it does, where nobody asked for that
    sampler: str  # asked for, or the study's own, or the default
    pruner: str  # likewise; the default gives way where it cannot work
    against: Mapping[str, Direction]  # what is weighed against the metric; empty: the metric alone counts
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
        return kept((self.definition.metric, *self.against), (self.definition.direction, *self.against.values()))

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
        return _resolved(as_made(request, found) if by_study and found is not None else request, found)
    except BaseException:
        if found is not None:
            found.close()
        raise


def _resolved(request: Request, found: Storage | None) -> Plan:
    from hpo.storage.queries import status

    definition = searched(request, found)
    space = definition.space(request.space)
    against = weighed(request, definition)
    stays = None if request.fidelity is not None else why_it_stays(request, definition, against)
    climbs = request.fidelity is None and stays is None
    fidelity = definition.fidelities[-1 if climbs else 0]
    if request.fidelity is not None:
        fidelity = definition.fidelity(request.fidelity)
    name = request.name or study_name(definition, space, None if climbs else fidelity, against)
    record = None if found is None else studies.lookup(found, name)
    if record is not None and request.fidelity is None:  # it goes on as it was made
        climbs, fidelity = record.rungs is not None, definition.fidelity(record.fidelity)
    prior = hand_picked(request, definition, space)
    if record is not None and request.prior is None:  # it goes on as it was made
        prior = record.hand
    counted = Slots(found).rungs(name) if found is not None else ()
    hand = any(each.prior for each in counted) if len(counted) > 1 else prior is not None
    rungs = climb([each.name for each in definition.fidelities], request.trials, prior=hand)
    existing, pace = None, None
    if found is not None and record is not None:
        studies.refuse_other(record)
        refuse_other_file(record, request, definition)
        existing, pace = status.study_status(found, name), status.mean_seconds(found, name)
        if existing.drawn > request.trials:
            raise UsageError(
                f"study {name!r} has {existing.drawn} trials already, so it cannot be brought to {request.trials}; "
                f"give --trials {existing.drawn} or more, or another --name"
            )
    sampler, pruner = _methods(request, record, definition, space, None if climbs else fidelity, against)
    tried = tried_first(request, definition, space)
    if climbs:
        works = _works(rungs, definition, space, counted, {} if found is None else status.seconds_by_rung(found, name))
    else:
        each = pace if pace is not None else _foreseen(fidelity, space)
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
        against=against,
        prior=prior,
        earlier=found_earlier(request, found, definition, space),
        tried=tried,
        first=all_first(request, prior, tried),
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
    definition: Searchable,
    space: Space,
    fidelity: Fidelity | None,  # None: it climbs
    against: Mapping[str, Direction],
) -> tuple[str, str]:
    """The sampler and the pruner. Raises UsageError where one cannot work here: now, not in each worker."""
    from hpo.search import default_pruner, make_pruner, make_sampler

    sampler = request.sampler or (record.sampler if record is not None else DEFAULT_SAMPLER)
    make_sampler(sampler, space=space, seed=request.seed or 0)
    # What climbs is chosen among the complete trials of the first rung, which is short as it is; an objective's is not.
    short = fidelity is None and not isinstance(definition, PlainObjective)
    usual = "none" if short else default_pruner(definition, fidelity)
    pruner = request.pruner or (record.pruner if record is not None else usual)
    if against:
        pruner = "none"
    make_pruner(pruner, definition=definition, fidelity=fidelity)
    return sampler, pruner


def _works(
    rungs: Sequence[Rung],
    definition: Searchable,
    space: Space,
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
        foreseen = _foreseen(definition.fidelity(rung.fidelity), space)
        works.append((target + more - settled, measured.get(number, foreseen)))
    return works


def _foreseen(fidelity: Fidelity, space: Space) -> float | None:
    """Seconds of one trial, as the definition says; None: it does not."""
    return None if fidelity.trial_seconds is None else fidelity.trial_seconds * space.relative_time
