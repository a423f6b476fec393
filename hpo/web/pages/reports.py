"""Each search's report page, made when somebody asks for it and kept until something is new."""

import logging
import math
from typing import TYPE_CHECKING

from flask import Flask, Response, redirect, request, url_for

from hpo.errors import StorageError
from hpo.report.document import Document
from hpo.storage import Storage, studies
from hpo.storage.queries import live_queries
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyRecord
from hpo.web.addresses import segment
from hpo.web.pages.shared import Shared
from hpo.web.security.identity import nonce_of

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

__all__ = ["register"]

_log = logging.getLogger("hpo.web")
_KEPT = 8  # reports; one of 1,000 trials is about a megabyte without Plotly
_POLICY = "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'unsafe-inline'; img-src data:"
"""Plotly writes style attributes, which no nonce can allow; scripts are held to the nonce, the network to nothing."""


def register(app: Flask, storage: Storage) -> None:
    """Add the route."""
    reports = _Reports(storage)
    app.add_url_rule("/studies/<study:name>/report", "report", reports.view)
    app.add_url_rule("/studies/<study:name>/dashboard", "crossing", reports.crossing)


class _Reports:
    """The reports made so far, each with the state of the storage it tells of."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._documents: Shared[tuple[str, tuple[object, ...]], Document] = Shared(
            lambda key: self._make(key[0]), seconds=math.inf, most=_KEPT
        )
        self._crossed: set[int] = set()  # ids of studies: what was put there while they ran will do

    def view(self, name: str) -> Response:
        """The report on the search of that name, as `hpo report` writes it."""
        from hpo.report.page import Link, html

        record = studies.get(self._storage, name)
        document = self._documents.get((name, live_queries.state(self._storage, name, record.definition)))
        nonce = nonce_of(request.environ)
        links = (Link("Studies", url_for("overview")), Link("Live", url_for("study", name=name)))
        text = html(document, nonce=nonce, links=links)
        response = Response(text.encode(errors="replace"), mimetype="text/html")  # a name may be no whole text
        response.headers["Content-Security-Policy"] = _POLICY.format(nonce=nonce)
        response.headers["Cache-Control"] = "no-store"  # a nonce is for one answer
        return response

    def crossing(self, name: str) -> "ResponseReturnValue":
        """On to the study in optuna-dashboard, where our note and our figures are by then."""
        record = studies.get(self._storage, name)
        number = live_queries.numbers(self._storage).get(name)
        if number is None:
            raise studies.halved(self._storage, name)
        running = bool(Slots(self._storage).counts(name).running)
        if record.kind == "search" and not (running and record.id in self._crossed):
            self._documents.get((name, live_queries.state(self._storage, name, record.definition)))
            self._crossed.add(record.id)
        return redirect(f"/dashboard/studies/{number}", 303)

    def _make(self, name: str) -> Document:
        from hpo import report
        from hpo.experiments.findings.gathering import gather

        found = gather(self._storage, name)
        document = report.document(found)
        if found.status.settled:  # else there is nothing to say yet
            self._keep_up(found.record, document, running=bool(found.status.running))
        return document

    def _keep_up(self, record: StudyRecord, document: Document, *, running: bool) -> None:
        """Have optuna-dashboard show it, too."""
        from hpo.report.dashboard_notes import keep_up

        try:
            keep_up(self._storage, document, page=f"/studies/{segment(record.name)}", running=running)
        except StorageError as error:  # the report is there, which is what was asked for
            _log.warning("not put into optuna-dashboard: %s", error)
