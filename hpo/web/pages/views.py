"""The pages that keep themselves up to date, what they ask for to do so, and the two things they can do."""

import hashlib
import json
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, redirect, render_template, request, url_for

from hpo.storage import Storage
from hpo.storage.studies import halting
from hpo.web.pages.cards import Overview, overview
from hpo.web.pages.error_pages import refusal
from hpo.web.pages.shared import Shared
from hpo.web.pages.study_page import StudyPage, study_page
from hpo.web.security.identity import user_of

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

__all__ = ["register"]

_BUSY, _QUIET = 2, 5  # seconds until a page asks again: while something is in hand, and while nothing is

_OVERVIEW = ("studies", "fleet")
_STUDY = ("progress", "control", "found", "trials", "workers")
"""Names of the sections of each page that change, which are also those of their templates in parts/."""


def register(app: Flask, storage: Storage, shared_seconds: float) -> None:
    """Add the routes."""
    views = _Views(storage, shared_seconds)
    app.add_url_rule("/", "overview", views.overview)
    app.add_url_rule("/live/overview", "live_overview", views.live_overview)
    app.add_url_rule("/studies/<study:name>", "study", views.study)
    app.add_url_rule("/live/studies/<study:name>", "live_study", views.live_study)
    app.add_url_rule("/studies/<study:name>/stop", "stop", views.stop, methods=["POST"])
    app.add_url_rule("/studies/<study:name>/resume", "resume", views.resume, methods=["POST"])


class _Views:
    """One for each application."""

    def __init__(self, storage: Storage, seconds: float) -> None:
        self._storage = storage
        self._overview: Shared[None, Overview] = Shared(lambda _: overview(storage), seconds=seconds)
        self._studies: Shared[str, StudyPage] = Shared(lambda name: study_page(storage, name), seconds=seconds)

    def overview(self) -> str:
        """Every study and the fleet."""
        return render_template("overview.html", overview=self._overview.get(None))

    def live_overview(self) -> Response:
        """What of it changes."""
        found = self._overview.get(None)
        busy = any(card.hand for card in found.fleet.workers) or bool(found.fleet.guests)
        return _live(_OVERVIEW, busy=busy, overview=found)

    def study(self, name: str) -> str:
        """One study."""
        return render_template("study.html", its=self._studies.get(name))

    def live_study(self, name: str) -> Response:
        """What of it changes."""
        its = self._studies.get(name)
        parts = tuple(part for part in _STUDY if part != "control" or user_of(request.environ).may_write)
        return _live(parts, busy=bool(its.status.running), its=its)

    def stop(self, name: str) -> "ResponseReturnValue":
        """Begin nothing new in a study."""
        user = user_of(request.environ)
        if not user.may_write:
            return refusal(403, "you may look but not change anything: ask for the right to write")
        now, why = bool(request.form.get("now")), request.form.get("why") or None
        halting.stop(self._storage, name, by=user.name or "somebody on this machine", why=why, now=now)
        return self._done(name)

    def resume(self, name: str) -> "ResponseReturnValue":
        """Let a stopped study go on."""
        if not user_of(request.environ).may_write:
            return refusal(403, "you may look but not change anything: ask for the right to write")
        halting.resume(self._storage, name)
        return self._done(name)

    def _done(self, name: str) -> "ResponseReturnValue":
        self._overview.forget()
        self._studies.forget()
        if request.accept_mimetypes.best == "application/json":  # the page's own script
            return {"done": True}
        return redirect(url_for("study", name=name), 303)


def _live(parts: tuple[str, ...], *, busy: bool, **context: Any) -> Response:
    """The sections of a page as they are now, or 304 where they are as the asker has them."""
    told = {name: render_template(f"parts/{name}.html", **context) for name in parts}
    body = json.dumps({"wait": _BUSY if busy else _QUIET, "parts": told})
    response = Response(body, mimetype="application/json")
    response.set_etag(hashlib.sha256(body.encode()).hexdigest()[:32])
    response.headers["Cache-Control"] = "private, no-cache"
    response.make_conditional(request)
    return response
