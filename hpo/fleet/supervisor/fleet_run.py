"""`hpo worker`: the workers of this machine for whatever studies have open slots, for as long as it is not stopped."""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from hpo import storage as storages
from hpo.errors import StorageError, StudyError, UsageError
from hpo.fleet import gpus
from hpo.fleet.protocol import WorkOrder
from hpo.fleet.resources import share, usable_cores
from hpo.fleet.run_limits import MAX_WORKERS
from hpo.fleet.supervisor.supervisor import Stops, Supervisor
from hpo.fleet.supervisor.worker_exit import WorkerExit
from hpo.fleet.supervisor.worker_messages import Messages, Outage
from hpo.fleet.supervisor.worker_pool import WorkerPool
from hpo.messages import pass_notes_to
from hpo.storage import Storage, studies
from hpo.storage.queries.status import Ended
from hpo.storage.slots.dispatch import Unsettled, offers, unsettled
from hpo.storage.slots.recovery import recover_all
from hpo.storage.slots.slots import Slots
from hpo.storage.studies.halting import BY_HPO

__all__ = ["run_fleet"]

_log = logging.getLogger("hpo.fleet")
_LOOK_FOR_SCHEMA = 1.0  # seconds


def run_fleet(order: WorkOrder, *, launcher: int | None = None) -> bool:
    """Serve until a signal comes, or as the order says: all is settled, nothing is open, its trials or time are up.

    A schema that is not there yet, and a database that is away, are waited for. Nothing a study does ends it.

    Args:
        order: how to serve. Its `only` names studies as `studies.find` takes them; where its limits name no number of
            workers, there is one a seat on a GPU, or else one a usable core.
        launcher: process number of the parent, whose end is as good as a signal; None: nothing follows from it.

    Returns:
        Whether it was stopped by a signal; all that was in hand was given back then.

    Raises:
        UsageError: there is no such storage URL, or the objective cannot be loaded.
        StudyError: there is no such study as it shall serve; or it drained and left some trials unsettled.
        StorageError: the database is of another version, another program's, or may not be used; or another one that
            cannot be served took its place.

    """
    messages = Messages(lambda note, study: _log.warning(note, extra={"study": study}), Outage())
    if order.limits.timeout is not None:
        order = replace(order, ends_at=time.monotonic() + order.limits.timeout)
    with Stops(launcher=launcher) as stops, pass_notes_to(messages.note):
        storage = _await_storage(order, stops, messages.outage)
        if storage is None:
            return bool(stops.count)
        try:
            only = tuple(studies.find(storage.patient, word).name for word in order.only)
            if not _is_worth_starting(storage, order, only):
                _log.info(_drained(storage, only) if order.drain else _NOTHING)
                return False
            order = replace(order, storage=storage.url, only=only, keras=_keras_is_needed(storage, only))
            ended, spent = _serve(storage, order, stops, messages)
            _log.info(_said_at_the_end(storage, order, ended, spent=spent))
            return ended == "interrupted"
        finally:
            storage.close()


def _is_worth_starting(storage: Storage, order: WorkOrder, only: Sequence[str]) -> bool:
    """Whether a worker would not end as soon as it has looked about, which takes one with Keras seconds."""
    if order.drain and not any(each.gives for each in unsettled(storage.patient, only=only)):
        recover_all(storage.patient, max_attempts=order.limits.max_attempts)  # as any fleet does at its end
        return False
    slots = Slots(storage.patient, max_attempts=order.limits.max_attempts)
    return order.idle != 0 or bool(offers(storage.patient, slots, only=only))


def _serve(storage: Storage, order: WorkOrder, stops: Stops, messages: Messages) -> tuple[Ended, bool]:
    """Why it ended, and whether as many trials have begun as were to."""
    there = gpus.listed() if order.gpus else ()
    seats = len(there) * order.workers_per_gpu
    workers = order.limits.workers or min(MAX_WORKERS, seats or usable_cores())
    supervisor = Supervisor(
        storage, order, _AnyStudy(), workers=workers, gpus=bool(there), stops=stops, messages=messages
    )
    machine = f"{usable_cores()} cores, {share(workers)} for each"
    if there:
        machine = f"{len(there)} GPU{'s' if len(there) > 1 else ''} ({there[0].name})"
    number = "1 worker" if workers == 1 else f"{workers} workers"
    _log.info(f"serving with {number} on {machine}, storage {storage.safe_url}")
    try:
        return supervisor.run(), supervisor.spent
    finally:
        if not supervisor.left_in_order:
            _log.warning("the database is away: leases of what was in hand will run out")


class _AnyStudy:
    """The rule of a fleet: all its workers, whatever they die of, until the last one has found nothing left to do."""

    def ended(self, pool: WorkerPool) -> Ended | None:
        """It is over once every worker has found nothing left to do, or has done all it may, and is told so."""
        return "done" if not pool.size or (pool.permits.spent and not pool.busy) else None

    def wanted(self, pool: WorkerPool) -> int:
        """A worker on each place, as far as it may begin anything: what there is to do, each finds out itself."""
        return min(pool.size, pool.busy + pool.permits.among(pool.size))

    def on_exit(self, exited: WorkerExit, pool: WorkerPool, *, clean_since: float) -> None:
        """Replace it, unless it drained. Raises UsageError where what the fleet was told cannot be done by any."""
        if exited.how == "error" and exited.usage:
            raise UsageError(exited.why)
        if exited.how == "drained" and exited.began > clean_since:
            pool.shrink()  # else what a dead worker held may have opened since it looked: another looks again
        elif exited.how == "error" or exited.is_failure:
            about = {"worker": exited.name, "study": exited.loading or exited.study, "reason": exited.why}
            _log.warning("a worker ended and is replaced", extra=about)


def _keras_is_needed(storage: Storage, only: Sequence[str]) -> bool:
    """Whether anything that is open now is of a definition; where nothing is open, what comes may be."""
    names = {each.study for each in unsettled(storage.patient, only=only)}
    its = [record for record in studies.list_all(storage.patient) if record.name in names]
    return not its or not all(record.by_objective for record in its)


_NOTHING = "there is nothing more that it could take, so it ends"


def _said_at_the_end(storage: Storage, order: WorkOrder, ended: Ended, *, spent: bool) -> str:
    """What to say at the end. Raises StudyError where it was to drain, and some trials are left."""
    if ended == "interrupted":
        return "stopped"
    if ended == "timeout":
        return "its time is up, so it ends; what was in hand went back"
    if spent:
        return f"{order.limits.max_trials:,} trials have begun, as many as were to, so it ends"
    return _NOTHING if order.idle is not None or order.ends_at is not None else _drained(storage, order.only)


def _drained(storage: Storage, only: Sequence[str]) -> str:
    """What to say at the end. Raises StudyError where trials are left that should have been settled."""
    left = unsettled(storage.patient, only=only)
    failed = [each for each in left if each.gives or each.stopped_by == BY_HPO]
    if failed:
        raise StudyError(
            f"ends with trials that are not settled: {_named(failed)}; the warnings above say why it cannot serve "
            "what is not stopped, and hpo status says who else is there"
        )
    return "all that was open is settled, so it ends" + (f"; stopped: {_named(left)}" if left else "")


def _await_storage(order: WorkOrder, stops: Stops, outage: Outage) -> Storage | None:
    """The storage, once it is there and made ready; None where a signal came first, or the time was up.

    Raises:
        StorageError: it cannot be served.

    """
    while not stops.count and (order.ends_at is None or time.monotonic() < order.ends_at):
        why = "no schema yet: `hpo db upgrade` makes it"
        try:
            found = storages.find(order.storage, to_write=True)
            if found is not None:
                outage.ended("start")
                return found
        except StorageError as error:
            if not error.transient:
                raise
            why = str(error)
        outage.began("start", why)
        stops.wait(_LOOK_FOR_SCHEMA)
    return None


def _named(studies: Sequence[Unsettled]) -> str:
    return ", ".join(
        f"{each.study} ({each.slots}{f', stopped as {each.stopped_why}' if each.stopped_by == BY_HPO else ''})"
        for each in studies
    )
