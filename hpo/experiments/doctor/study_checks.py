"""The studies: whether somebody serves what is open, whether this machine could, and what was left lying about."""

import shlex
import time
from collections.abc import Collection, Iterator, Sequence

from hpo.errors import HpoError
from hpo.experiments.doctor.check import Check, several, some
from hpo.storage import Storage, studies
from hpo.storage.slots.dispatch import offers
from hpo.storage.slots.slots import Slots
from hpo.storage.slots.unmatched_trials import Orphan, orphans
from hpo.storage.studies import StudyRecord
from hpo.storage.workers.worker_registry import Roster, WorkerRecord

__all__ = ["checks"]

_MOST = 5  # studies told one by one
_MOMENT = 0.5  # seconds; between settling a slot and telling its trial lie milliseconds


def checks(storage: Storage) -> Iterator[Check]:
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
        yield Check(name="studies", state="fail", found=found, remedy="mend that on the workers' machines")
    if unserved:
        remedy = f"hpo worker serves all of them; hpo stop {shlex.quote(unserved[0])} if that is not wanted"
        found = f"open, and no worker there for it: {some(unserved, _MOST)}"
        yield Check(name="studies", state="warn", found=found, remedy=remedy)
    if not refused and not unserved:
        found = f"{several(len(names), 'study is', 'studies are')} open and served" if names else "nothing is open"
        yield Check(name="studies", state="ok", found=found)


def _definitions(records: Sequence[StudyRecord]) -> Iterator[Check]:
    """Whether this machine has the definitions of what is open, as they were when the studies were made."""
    problems = [(record, problem) for record in records if (problem := _problem(record))]
    for record, problem in problems[:_MOST]:
        remedy = "workers of this machine leave the study to others: install its definition here"
        yield Check(name="definitions", state="warn", found=f"{record.name}: {problem}", remedy=remedy)
    if records and not problems:
        names = sorted({record.definition for record in records})
        yield Check(name="definitions", state="ok", found=f"{some(names, _MOST)}: here, as the open studies ask for")


def _problem(record: StudyRecord) -> str:
    """Why this machine could not serve the study, as far as its definition goes; empty where it could."""
    from hpo.study import registry
    from hpo.study.imported import StaleProcessError

    try:
        definition = registry.load(record.reference)
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
        return Check(name="orphans", state="ok", found="every trial that runs is in somebody's hand")
    per_study = some(sorted({orphan.study for orphan in left}))
    found = f"{several(len(left), 'trial')} left RUNNING by workers that are gone: {per_study}"
    remedy = "the next worker that serves the study puts that right"
    return Check(name="orphans", state="warn", found=found, remedy=remedy)
