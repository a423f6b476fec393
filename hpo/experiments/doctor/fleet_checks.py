"""The fleet: workers of all machines, and who leases which GPU; the studies: whether what is open is served."""

import shlex
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from hpo.errors import HpoError
from hpo.experiments.doctor.check import Check, fail, ok, several, some, warn
from hpo.fleet import gpus
from hpo.fleet.gpu_leases import Seat, Seats
from hpo.fleet.gpus import Listing
from hpo.storage import Storage, process_identity, studies
from hpo.storage.slots.dispatch import offers
from hpo.storage.slots.recovery import Orphan, orphans
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyRecord
from hpo.storage.worker_registry import Roster, WorkerRecord, running_trials

__all__ = ["fleet_checks", "study_checks"]

_MOST = 5  # studies told one by one
_MOMENT = 0.5  # seconds; between settling a slot and telling its trial lie milliseconds


def fleet_checks(storage: Storage) -> Iterator[Check]:
    """How the fleet is. Raises StorageError."""
    workers = Roster(storage).present()
    busy = {hand.worker for hand in running_trials(storage)}
    alive = [worker for worker in workers if worker.alive]
    yield _workers(alive, [worker for worker in workers if not worker.alive], busy)
    if alive:
        yield _programs(alive)
    listing = gpus.look()
    seats = [seat for seat in Seats(storage).held() if seat.alive]
    if listing.gpus or listing.problem or seats:
        yield _gpus(listing, seats, alive, busy)


def _workers(alive: Sequence[WorkerRecord], silent: Sequence[WorkerRecord], busy: Collection[str]) -> Check:
    machines = {worker.machine for worker in alive}
    found = "none at work"
    if alive:
        found = f"{several(len(alive), 'worker')} on {several(len(machines), 'machine')}"
    doing = Counter("at a trial" if worker.name in busy else worker.doing or "between trials" for worker in alive)
    if doing:
        found += ": " + ", ".join(f"{number} {what}" for what, number in sorted(doing.items()))
    if not silent:
        return ok("workers", found)
    told = some(f"process {worker.pid} of {worker.host} ({worker.seconds_silent:.0f} s)" for worker in silent)
    remedy = "start them again, unless they are meant to be gone; others take over what they had in hand"
    return warn("workers", f"{found}; silent: {told}", remedy)


def _programs(alive: Sequence[WorkerRecord]) -> Check:
    here = process_identity.program()
    of_version = Counter(worker.program for worker in alive)
    if set(of_version) == {here}:
        return ok("versions", f"every worker runs hpo {here}, as this machine does")
    told = ", ".join(f"{several(number, 'worker')} hpo {version}" for version, number in sorted(of_version.items()))
    return warn("versions", f"{told}; here: hpo {here}", "install one version everywhere, and start the workers again")


def _gpus(listing: Listing, seats: Sequence[Seat], alive: Sequence[WorkerRecord], busy: Collection[str]) -> Check:
    here = process_identity.machine_key()
    known = {worker.name for worker in alive}
    on: dict[str, list[str]] = {}  # UUID -> who leases it
    for seat in seats:
        if seat.machine == here:
            on.setdefault(seat.uuid, []).append(":".join(seat.worker.split(":")[:2]))
    found = [f"{gpu.name} {gpu.uuid[:12]}: {some(on.get(gpu.uuid, ['free']))}" for gpu in listing.gpus]
    elsewhere = {(seat.machine, seat.uuid) for seat in seats if seat.machine != here}
    if elsewhere:
        found.append(f"on other machines: {len(elsewhere)} leased")
    told = "; ".join(found) or "none here"
    if listing.problem:
        return warn("gpus", f"{listing.problem}; {told}", "mend the driver: until then workers here train on cores")
    lost = [seat.worker for seat in seats if seat.worker not in known]
    free = [gpu for gpu in listing.gpus if gpu.uuid not in on]
    on_cores = [worker for worker in alive if worker.machine == here and worker.gpu is None and worker.name in busy]
    if free and on_cores:
        told += (
            f"; {several(len(on_cores), 'worker')} here on cores while {several(len(free), 'GPU is', 'GPUs are')} free"
        )
        return warn("gpus", told, "start them again without --cpu")
    if lost:
        told += f"; leased by {several(len(lost), 'worker')} not on the roster: their leases run out"
    return ok("gpus", told)


def study_checks(storage: Storage) -> Iterator[Check]:
    """How the studies are. Raises StorageError."""
    records = studies.list_all(storage)
    if not records:
        return
    open_ones = {offer.study for offer in offers(storage, Slots(storage))}
    yield from _served(sorted(open_ones), [worker for worker in Roster(storage).present() if worker.alive])
    yield from _definitions([record for record in records if record.name in open_ones])
    yield _orphans(storage)


def _served(names: Sequence[str], alive: Sequence[WorkerRecord]) -> Iterator[Check]:
    """A study is served by a worker that does not refuse it, now or once it is done with what it has in hand."""
    unserved, refused = [], []
    for name in names:
        its = [worker for worker in alive if worker.study in (None, name)]
        if not its:
            unserved.append(name)
        elif all(name in worker.refuses for worker in its):
            refused.append((name, its))
    for name, its in refused[:_MOST]:
        why = some(sorted({worker.refuses[name] for worker in its}), most=2)
        found = f"{name}: open, and every worker refuses it ({why})"
        yield fail("studies", found, "mend that on the workers' machines")
    if unserved:
        remedy = f"hpo worker serves all of them; hpo stop {shlex.quote(unserved[0])} if that is not wanted"
        found = f"open, and no worker there for it: {some(unserved, _MOST)}"
        yield warn("studies", found, remedy)
    if not refused and not unserved:
        found = f"{several(len(names), 'study is', 'studies are')} open and served" if names else "nothing is open"
        yield ok("studies", found)


def _definitions(records: Sequence[StudyRecord]) -> Iterator[Check]:
    """Whether this machine has the definitions of what is open, as they were when the studies were made."""
    problems = [(record, problem) for record in records if (problem := _problem(record))]
    for record, problem in problems[:_MOST]:
        remedy = "workers of this machine leave the study to others: install its definition here"
        yield warn("definitions", f"{record.name}: {problem}", remedy)
    if records and not problems:
        names = sorted({record.definition for record in records})
        yield ok("definitions", f"{some(names, _MOST)}: here, as the open studies ask for")


def _problem(record: StudyRecord) -> str:
    """Why this machine could not serve the study, as far as its definition goes; empty where it could."""
    from hpo.study.local_imports import StaleProcessError

    try:
        definition = studies.searched(record)
        if definition.space(record.space).fingerprint != record.fingerprint:
            return f"space {record.space!r} of {record.definition!r} is another one here"
        if record.version is not None and definition.version != record.version:
            return f"the code of {record.definition!r} is of another version here"
    except StaleProcessError:  # another study's definition is in the way here, and would not be in a worker
        return ""
    except HpoError as error:
        return str(error)
    return ""


def _orphans(storage: Storage) -> Check:
    """Trials that say they run and are in nobody's hand. Those that are about to be told are not found twice."""
    first = orphans(storage)
    left: Collection[Orphan] = ()
    if first:
        time.sleep(_MOMENT)
        left = set(first) & set(orphans(storage))
    if not left:
        return ok("orphans", "every trial that runs is in somebody's hand")
    per_study = some(sorted({orphan.study for orphan in left}))
    found = f"{several(len(left), 'trial')} left RUNNING by workers that are gone: {per_study}"
    return warn("orphans", found, "the next worker that serves the study puts that right")
