"""The storage: whether it is there and can be written, how quick it is, and whether it suits so many workers."""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text

from hpo import storage as storages
from hpo.experiments.doctor.check import Check, fail, ok, several, some, warn
from hpo.storage import Storage, schema
from hpo.storage.engine import KEPT
from hpo.storage.storage_url import parse
from hpo.storage.worker_registry import Roster

__all__ = ["absent", "database_checks"]

_QUERIES = 5  # the quickest of so many tells how far away the database is
_SLOW = 0.050  # seconds; a trial takes about twenty statements, so this is one second of each
_APART = 5.0  # seconds between two clocks that nobody should have to think about
LONG = 60.0  # seconds; a transaction of ours takes milliseconds
_CROWDED = 0.8  # of the connections a server allows
_NETWORK_DISKS = ("nfs", "cifs", "smb", "9p", "fuse.sshfs", "fuse.glusterfs", "ceph", "lustre", "beegfs", "afs", "gfs2")


def absent(url: str) -> Check:
    """What is told of a database that is not there yet, and is not made by looking."""
    where = parse(url)
    folder = where.path.parent if where.path is not None else None
    if folder is not None and not os.access(folder, os.W_OK):
        return fail("storage", f"nothing can be written in {folder}", "give another --storage, or set HPO_STORAGE")
    made_by = "hpo optimize makes it" if folder is not None else "hpo db upgrade makes it ready"
    return ok("storage", f"{where.safe}: not there yet, {made_by}")


def database_checks(storage: Storage) -> Iterator[Check]:
    """What there is to say of a database that is there. Raises StorageError."""
    yield _contents(storage)
    yield _latency(storage)
    if storage.where.path is not None:
        yield _file(storage, storage.where.path)
    else:
        yield _clock(storage)
        yield _connections(storage)
        yield _transactions(storage)


def _contents(storage: Storage) -> Check:
    storages.examine(storage.url)  # refuses a table that is missing
    storages.prepare(storage.url).close()  # its tables are there, so this only finds out whether they can be written
    number = _ask(storage, select(func.count()).select_from(schema.studies))[0][0]
    driver = ".".join(str(part) for part in storage.engine.dialect.server_version_info or ())
    product = "SQLite" if storage.where.path is not None else "PostgreSQL"
    found = f"{storage.safe_url}: {several(number, 'study', 'studies')}, tables of version {schema.VERSION}"
    return ok("storage", f"{found}, {product} {driver}")


def _latency(storage: Storage) -> Check:
    with storage.read() as connection:
        taken = []
        for _ in range(_QUERIES):
            began = time.perf_counter()
            connection.execute(text("SELECT 1")).all()
            taken.append(time.perf_counter() - began)
    found = f"a question is answered in {min(taken) * 1000:.2g} ms"
    if min(taken) <= _SLOW:
        return ok("latency", found)
    return warn("latency", found, "run the workers nearer to the database: a trial asks it about twenty times")


def _clock(storage: Storage) -> Check:
    before = time.time()
    server = float(_ask(storage, text("SELECT extract(epoch FROM clock_timestamp())"))[0][0])
    apart = server - (before + time.time()) / 2
    if abs(apart) <= _APART:
        return ok("clock", "this machine's and the server's agree")
    found = f"this machine's is {abs(apart):.0f} s {'behind' if apart > 0 else 'ahead of'} the server's"
    remedy = "set it by NTP: leases run by the server's clock alone, but the times of trials and logs will not agree"
    return warn("clock", found, remedy)


def _connections(storage: Storage) -> Check:
    reserved = "SELECT coalesce(sum(setting::int), 0) FROM pg_settings WHERE name IN "
    reserved += "('superuser_reserved_connections', 'reserved_connections')"
    most = int(_ask(storage, text("SELECT current_setting('max_connections')::int"))[0][0])
    most -= int(_ask(storage, text(reserved))[0][0])
    used = int(_ask(storage, text("SELECT sum(numbackends) FROM pg_stat_database"))[0][0])
    workers = [worker for worker in Roster(storage).present() if worker.alive]
    hosts = len({(worker.machine, worker.host) for worker in workers})
    wanted = KEPT * (len(workers) + hosts)  # and the supervisor of each host or container
    found = f"{used} of {most} in use"
    if workers:
        found += f"; {several(len(workers), 'worker')} on {several(hosts, 'host')} keep up to {wanted}"
    if max(used, wanted) <= _CROWDED * most:
        return ok("connections", found)
    return warn("connections", found, "raise the server's max_connections, or use fewer workers")


def _transactions(storage: Storage) -> Check:
    """Transactions that were begun and left: they hold locks, and keep the server from tidying up its tables."""
    query = (
        "SELECT pid, usename, application_name, extract(epoch FROM clock_timestamp() - xact_start) AS age "
        "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND xact_start < clock_timestamp() - make_interval(secs => :long) "
        "AND backend_type = 'client backend' ORDER BY xact_start"
    )
    rows = _ask(storage, text(query), {"long": LONG})
    if not rows:
        all_seen = _ask(storage, text("SELECT pg_has_role(current_user, 'pg_read_all_stats', 'MEMBER')"))[0][0]
        whose = "" if all_seen else " of this user's; others' may not be seen"
        return ok("transactions", f"none is left open{whose}")
    told = some(f"{row.application_name or 'a program'} of {row.usename} for {row.age:.0f} s" for row in rows)
    pids = ", ".join(str(row.pid) for row in rows[:3])
    remedy = f"end what nobody waits for: SELECT pg_terminate_backend(pid), pid {pids}"
    return warn("transactions", f"open: {told}", remedy)


def _file(storage: Storage, path: Path) -> Check:
    """SQLite's locks and its shared memory need one kernel: on a network disk, or with two hosts, files get damaged."""
    machines = {worker.machine for worker in Roster(storage).present() if worker.alive}
    if len(machines) > 1:
        found = f"workers of {len(machines)} machines share this file"
        return fail("file", found, "stop all but one machine's now: SQLite is for one host, use PostgreSQL for several")
    kind = _disk_of(path.resolve())
    if kind.startswith(_NETWORK_DISKS):
        remedy = "move it to a disk of this machine, or use PostgreSQL: on a network disk SQLite files get damaged"
        return fail("file", f"it lies on a network disk ({kind})", remedy)
    size = path.stat().st_size / 1024**2
    return ok("file", f"{size:.1f} MiB{f' on {kind}' if kind else ''}, for one host")


def _disk_of(path: Path) -> str:
    """The kind of file system a path lies on; empty where the system does not say."""
    import psutil

    try:
        kinds = {mount.mountpoint: mount.fstype for mount in psutil.disk_partitions(all=True)}  # the last counts
    except OSError:
        return ""
    return next((str(kinds[str(folder)]) for folder in (path, *path.parents) if str(folder) in kinds), "")


def _ask(storage: Storage, query: Any, values: dict[str, Any] | None = None) -> Sequence[Any]:
    with storage.read() as connection:
        return connection.execute(query, values or {}).all()
