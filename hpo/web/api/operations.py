"""What programs can ask for: each operation once, with what it takes, what it gives and how it is done."""

import re
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection

from hpo.errors import StudyError, UsageError
from hpo.experiments import trial_records
from hpo.experiments.compare.comparison_left import ComparisonLeft, leave_comparison
from hpo.experiments.definition_document import definition_document
from hpo.experiments.search_run import SubmittedStatus, leave, submitted_status
from hpo.experiments.trial_records import TrialsPage
from hpo.storage import Storage, program_tokens
from hpo.storage.queries import status, study_results
from hpo.storage.queries.status import StudyStatus
from hpo.storage.queries.study_results import BestTrial, TrialReport
from hpo.storage.studies import find, halting
from hpo.study import registry
from hpo.web.api.requests import CompareBody, Nothing, PageQuery, StopBody, SubmitBody
from hpo.web.security.identity import User

__all__ = ["OPERATIONS", "Asked", "Operation"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request that has been read and may be made."""

    storage: Storage
    user: User  # who asks
    most_open: int  # trials that may be open in all studies together
    path: Mapping[str, Any]  # what stands in the address
    query: Any  # record of the operation's `query`
    body: Any  # record of the operation's `body`

    @property
    def study(self) -> str:
        """The study, or definition of one, that the address names."""
        return str(self.path["study"])

    def pay(self, connection: Connection, trials: int) -> None:
        """Have whoever asks pay for trials, as `program_tokens.charge` does."""
        program_tokens.charge(connection, self.user.token or "", trials, most_open=self.most_open)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One thing that can be asked for."""

    name: str  # for programs: the operationId
    method: Literal["GET", "POST"]  # a POST changes something, so it needs a token that may
    path: str  # below /api/v1, with {study}, {number} and {definition} as they stand
    does: str  # in one line
    gives: Any  # type of the document
    call: Callable[[Asked], Any]
    query: type = Nothing
    body: type = Nothing

    @property
    def refuses(self) -> int:
        """Status of the answer where it cannot be done, though the request is well formed and the study is there."""
        return 404 if self.method == "GET" else 409

    @property
    def places(self) -> tuple[str, ...]:
        """What stands in its address."""
        return tuple(re.findall(r"\{(\w+)\}", self.path))


def _trials(asked: Asked) -> TrialsPage:
    return trial_records.page(asked.storage, asked.study, offset=asked.query.offset, limit=asked.query.limit)


def _definition(asked: Asked) -> dict[str, Any]:
    return definition_document(registry.find(_registered(asked.path["definition"])))


def _registered(name: str) -> str:
    """The name of a definition of this server; nothing else is loaded for anybody. Raises UsageError."""
    known = registry.names()
    if name not in known:
        raise UsageError(f"there is no definition {name!r:.80} on this server; there is: {', '.join(known) or 'none'}")
    return name


def _comparison(asked: Asked) -> dict[str, Any]:
    from hpo.experiments.compare import comparison_run

    name = find(asked.storage, asked.study).name
    report = comparison_run.read(asked.storage, name)
    if report is None:
        raise StudyError(f"study {name!r} was not compared yet: hpo compare does it, on a machine that trains")
    told: dict[str, Any] = report.to_json()
    return told


def _submit_comparison(asked: Asked) -> ComparisonLeft:
    from hpo.experiments.compare.comparison_plan import plan_comparison
    from hpo.experiments.compare.comparison_request import CompareRequest
    from hpo.fleet.run_limits import Limits

    request = CompareRequest(
        study=asked.study,
        storage=asked.storage.url,
        pairs=asked.body.pairs,
        resample=False,  # a second line needs the rows themselves, which are loaded for nobody here
        limits=Limits(workers=0),
    )
    with closing(plan_comparison(request)) as planned:
        return leave_comparison(planned, asked.pay)


def _submit(asked: Asked) -> SubmittedStatus:
    from hpo.experiments.search_plan import Request, plan
    from hpo.fleet.run_limits import Limits

    body: SubmitBody = asked.body
    request = Request(
        definition=_registered(body.definition),
        trials=body.trials,
        storage=asked.storage.url,
        space=body.space,
        fidelity=body.fidelity,
        name=body.name,
        limits=Limits(workers=0),
    )
    with closing(plan(request)) as planned:
        there = planned.record
        if there is not None and there.reference != body.definition:
            raise StudyError(
                f"study {there.name!r} is of another definition ({there.reference}), not of {body.definition}: give "
                "the new one a name of its own"
            )
        return submitted_status(planned.storage, leave(planned, asked.pay))


def _stop(asked: Asked) -> StudyStatus:
    name = find(asked.storage, asked.study).name
    halting.stop(asked.storage, name, by=asked.user.name, why=asked.body.why, now=asked.body.now)
    return status.study_status(asked.storage, name)


def _resume(asked: Asked) -> StudyStatus:
    name = find(asked.storage, asked.study).name
    halting.resume(asked.storage, name)
    return status.study_status(asked.storage, name)


OPERATIONS = (
    Operation(
        name="list_studies",
        method="GET",
        path="/studies",
        does="Every study, the oldest first, as `hpo status --json` tells it.",
        gives=list[StudyStatus],
        call=lambda asked: status.all_statuses(asked.storage),
    ),
    Operation(
        name="submit",
        method="POST",
        path="/studies",
        does="Bring a study to so many trials and leave them to the fleet, as `hpo submit` does; the token pays.",
        gives=SubmittedStatus,
        call=_submit,
        body=SubmitBody,
    ),
    Operation(
        name="show_study",
        method="GET",
        path="/studies/{study}",
        does="One study, as `hpo status STUDY --json` tells it.",
        gives=StudyStatus,
        call=lambda asked: status.study_status(asked.storage, asked.study),
    ),
    Operation(
        name="trials",
        method="GET",
        path="/studies/{study}/trials",
        does="Its trials by number, as `hpo export --format json` tells them, a page at a time.",
        gives=TrialsPage,
        call=_trials,
        query=PageQuery,
    ),
    Operation(
        name="trial",
        method="GET",
        path="/studies/{study}/trials/{number}",
        does="One trial, as `hpo trial STUDY NUMBER --json` tells it.",
        gives=TrialReport,
        call=lambda asked: study_results.trial(asked.storage, asked.study, asked.path["number"]),
    ),
    Operation(
        name="best",
        method="GET",
        path="/studies/{study}/best",
        does="Its best trial, as `hpo best STUDY --json` tells it; 404 while none is complete.",
        gives=BestTrial,
        call=lambda asked: study_results.best(asked.storage, asked.study),
    ),
    Operation(
        name="compare",
        method="GET",
        path="/studies/{study}/comparison",
        does="The last verdict of `hpo compare STUDY --json`; 404 before the first. Nothing is trained for it.",
        gives=dict[str, Any],
        call=_comparison,
    ),
    Operation(
        name="submit_comparison",
        method="POST",
        path="/studies/{study}/comparison",
        does="Compare its optimum with the hand-picked configuration: opens what can be trained now, and judges once "
        "all is. Ask again until `state` is done; the token pays.",
        gives=ComparisonLeft,
        call=_submit_comparison,
        body=CompareBody,
    ),
    Operation(
        name="stop",
        method="POST",
        path="/studies/{study}/stop",
        does="Begin nothing more in it, on any machine, as `hpo stop` does.",
        gives=StudyStatus,
        call=_stop,
        body=StopBody,
    ),
    Operation(
        name="resume",
        method="POST",
        path="/studies/{study}/resume",
        does="Let it go on, as `hpo resume` does.",
        gives=StudyStatus,
        call=_resume,
    ),
    Operation(
        name="list_definitions",
        method="GET",
        path="/definitions",
        does="Names of the definitions that can be submitted.",
        gives=list[str],
        call=lambda _: list(registry.names()),
    ),
    Operation(
        name="show_definition",
        method="GET",
        path="/definitions/{definition}",
        does="One of them, as `hpo show DEFINITION --json` tells it.",
        gives=dict[str, Any],
        call=_definition,
    ),
)
"""Everything there is below /api/v1, but for the OpenAPI document."""
