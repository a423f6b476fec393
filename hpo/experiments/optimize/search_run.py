"""The main job: bring a study to so many settled slots, with workers on this machine or with those of a fleet."""

from collections.abc import Callable
from contextlib import closing

from hpo.experiments.optimize.search_plan import Plan, plan
from hpo.experiments.optimize.search_request import Request
from hpo.experiments.optimize.study_opening import open_study
from hpo.fleet.supervisor.study_run import drain
from hpo.storage.queries.progress import Progress
from hpo.storage.queries.watching import watch
from hpo.storage.studies.refusals import refuse_stopped

__all__ = ["optimize", "run"]


def optimize(request: Request, on_progress: Callable[[Progress], None] | None = None) -> Progress:
    """Plan what is asked for and do it, as `run` does. Raises what `plan` and `run` raise."""
    with closing(plan(request)) as planned:
        return run(planned, on_progress)


def run(planned: Plan, on_progress: Callable[[Progress], None] | None = None) -> Progress:
    """Do what is planned, or go on with it, and say how far it came and why it ended.

    A study that is settled already starts no worker. Several of these on one study at once share its slots, from one
    machine or many. With no workers here the fleet does it, and this only looks on.

    Args:
        planned: what to do.
        on_progress: told a few times a second how far the study is.

    Raises:
        UsageError: the study has got more trials than asked for.
        StudyError: there is a study of that name that was asked for otherwise or is stopped, or its trials all fail.
        StorageError: the database cannot be reached, read or written.
        HpoError: a worker could not go on; nothing is lost.

    """
    if planned.record is not None:
        refuse_stopped(planned.record)
    record = open_study(planned).record
    request, limits = planned.request, planned.request.limits
    if not planned.workers:
        return watch(planned.storage, record.name, timeout=limits.timeout, on_progress=on_progress)
    return drain(
        planned.storage,
        record,
        limits,
        workers=planned.workers,
        until=request.until,
        objective=request.objective,
        on_progress=on_progress,
    )
