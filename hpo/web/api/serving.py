"""Answering by the operations: what was asked is read, done, and told in JSON; what goes wrong is a problem."""

import json
import logging
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request

from hpo.errors import HpoError, StorageError, StudyError, UnknownStudyError, UsageError
from hpo.json_values import plain
from hpo.storage import Storage
from hpo.storage.program_tokens import BudgetError, CrowdedError
from hpo.web.addresses import StudyName
from hpo.web.api.openapi import document
from hpo.web.api.operations import OPERATIONS, Asked, Operation
from hpo.web.api.requests import read_body, read_query
from hpo.web.security.identity import user_of
from hpo.web.security.refusals import API, RETRY_SECONDS, refusal

__all__ = ["register"]

_CROWDED_SECONDS = "60"  # after which it may be worth asking again for trials
_PLACES = {"{study}": "<named:study>", "{definition}": "<named:definition>", "{number}": "<int(max=2147483647):number>"}

_log = logging.getLogger("hpo.web")


def register(app: Flask, storage: Storage, *, most_open: int) -> None:
    """Add the interface to an application whose requests have been checked, and say who asks, when they come here.

    Args:
        app: the application.
        storage: the open database.
        most_open: trials that may be open in all studies together; no operation adds any beyond.

    """
    app.url_map.converters["named"] = StudyName
    for each in OPERATIONS:
        rule = each.path
        for place, converter in _PLACES.items():
            rule = rule.replace(place, converter)
        _add(app, rule, each.name, _view(each, storage, most_open), each.method)
    _add(app, "/openapi.json", "openapi", lambda: _answer(document()), "GET")


def _add(app: Flask, rule: str, name: str, view: Callable[..., Response], method: str) -> None:
    app.add_url_rule(f"{API}{rule}", f"api.{name}", view, methods=[method], provide_automatic_options=False)


def _view(operation: Operation, storage: Storage, most_open: int) -> Callable[..., Response]:
    def view(**path: Any) -> Response:
        try:
            query = read_query(operation.query, request.args.to_dict(flat=False))
            body = read_body(operation.body, request.get_data())
        except UsageError as error:
            return refusal(400, str(error))
        asked = Asked(
            storage=storage, user=user_of(request.environ), most_open=most_open, path=path, query=query, body=body
        )
        try:
            return _answer(plain(operation.call(asked)))
        except HpoError as error:
            return _refused(error, operation)
        except Exception:
            _log.exception("defect in answering %s %s", request.method, request.path)
            return refusal(500, "this is a defect: the log of the server has the details")

    return view


def _answer(told: Any) -> Response:
    return Response(json.dumps(told, allow_nan=False), mimetype="application/json")


def _refused(error: HpoError, operation: Operation) -> Response:
    """What goes wrong and is told by everybody in the same words."""
    if isinstance(error, StorageError):
        return refusal(503, str(error), Retry_After=RETRY_SECONDS)
    if isinstance(error, CrowdedError):
        return refusal(429, str(error), Retry_After=_CROWDED_SECONDS)
    if isinstance(error, BudgetError):
        return refusal(403, str(error))
    if isinstance(error, UnknownStudyError):
        return refusal(404, str(error))
    return refusal(operation.refuses if isinstance(error, StudyError | UsageError) else 500, str(error))
