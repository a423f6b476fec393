"""The workers of all machines that share the storage, and who leases which GPU."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from hpo.experiments.doctor.check import Check, several, some
from hpo.fleet.machine import gpus
from hpo.fleet.machine.gpu_leases import Seat, Seats
from hpo.fleet.machine.gpus import Listing
from hpo.storage import Storage
from hpo.storage.queries.running_trials import running_trials
from hpo.storage.workers import machine_identity
from hpo.storage.workers.worker_registry import Roster, WorkerRecord

__all__ = ["checks"]


def checks(storage: Storage) -> Iterator[Check]:
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
        return Check(name="workers", state="ok", found=found)
    told = some(f"process {worker.pid} of {worker.host} ({worker.seconds_silent:.0f} s)" for worker in silent)
    remedy = "start them again, unless they are meant to be gone; others take over what they had in hand"
    return Check(name="workers", state="warn", found=f"{found}; silent: {told}", remedy=remedy)


def _programs(alive: Sequence[WorkerRecord]) -> Check:
    here = machine_identity.program()
    of_version = Counter(worker.program for worker in alive)
    if set(of_version) == {here}:
        return Check(name="versions", state="ok", found=f"every worker runs hpo {here}, as this machine does")
    told = ", ".join(f"{several(number, 'worker')} hpo {version}" for version, number in sorted(of_version.items()))
    remedy = "install one version everywhere, and start the workers again"
    return Check(name="versions", state="warn", found=f"{told}; here: hpo {here}", remedy=remedy)


def _gpus(listing: Listing, seats: Sequence[Seat], alive: Sequence[WorkerRecord], busy: Collection[str]) -> Check:
    here = machine_identity.key()
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
        remedy = "mend the driver: until then workers here train on cores"
        return Check(name="gpus", state="warn", found=f"{listing.problem}; {told}", remedy=remedy)
    lost = [seat.worker for seat in seats if seat.worker not in known]
    free = [gpu for gpu in listing.gpus if gpu.uuid not in on]
    on_cores = [worker for worker in alive if worker.machine == here and worker.gpu is None and worker.name in busy]
    if free and on_cores:
        told += (
            f"; {several(len(on_cores), 'worker')} here on cores while {several(len(free), 'GPU is', 'GPUs are')} free"
        )
        return Check(name="gpus", state="warn", found=told, remedy="start them again without --cpu")
    if lost:
        told += f"; leased by {several(len(lost), 'worker')} not on the roster: their leases run out"
    return Check(name="gpus", state="ok", found=told)
