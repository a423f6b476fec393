"""Leaving a search to a fleet: its slots are opened, and workers anywhere take them."""

from contextlib import closing
from dataclasses import dataclass, replace

from hpo.experiments.optimize.search_plan import Plan, plan
from hpo.experiments.optimize.search_request import Request
from hpo.experiments.optimize.study_opening import open_study
from hpo.storage.queries.active_workers import Serving, serving

__all__ = ["Submitted", "leave", "submit"]


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """What was left to the fleet."""

    study: str  # name
    added: int  # slots that were opened just now
    serving: Serving  # who is there to take them


def submit(request: Request) -> Submitted:
    """Plan what is asked for and leave it to the fleet; `request.definition` may be a study's name.

    The limits of the request are kept with the study. Raises what `plan` and `leave` raise.
    """
    with closing(plan(replace(request, limits=replace(request.limits, workers=0)), by_study=True)) as planned:
        return leave(planned)


def leave(planned: Plan) -> Submitted:
    """Open what slots the study lacks, and return. A study that is stopped gets them too, and stays stopped.

    Args:
        planned: of a request for no workers here.

    Raises:
        UsageError: the study has got more trials than asked for.
        StudyError: there is a study of that name that was asked for otherwise.
        StorageError: the database cannot be reached, read or written.

    """
    opened = open_study(planned)
    name = opened.record.name
    return Submitted(study=name, added=opened.added, serving=serving(planned.storage, name))
