"""What stands around optuna-dashboard, as WSGI has it: harmless files, no deleted study, our script in its page."""

import threading
from collections.abc import Callable, Iterable
from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from werkzeug.datastructures import Headers

from hpo.storage import Storage
from hpo.storage.schema import studies
from hpo.web.security.identity import csrf_of, nonce_of, user_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["SHOWN", "Current", "Harmless", "Shell"]

SHOWN = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"}
    | {"audio/mpeg", "audio/ogg", "audio/wav", "audio/x-wav", "audio/flac", "audio/aac", "audio/mp4", "audio/webm"}
    | {"video/mp4", "video/webm", "video/ogg"}
)
"""Types that are given as they are; none can hold a script. SVG, a picture too, can."""

_REMEMBERING = ("/api/", "/csv/", "/artifacts/")  # paths that tell of studies

_CONDITIONS = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_RANGE", "HTTP_RANGE")


class Harmless:
    """Gives attached files as downloads, whatever they say they are.

    optuna-dashboard answers with the type the uploader gave. HTML or SVG would run as a page of ours, with the rights
    of whoever opens it, so all but pictures, sounds and films, which nothing can be written in, is a plain download.
    """

    def __init__(self, inner: "WSGIApplication") -> None:
        self._inner = inner

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request: a WSGI application around another one."""
        if not environ["PATH_INFO"].startswith("/artifacts/"):
            return self._inner(environ, start_response)

        def harmless(status: str, given: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            headers = Headers(given)
            kind = headers.get("Content-Type", "").split(";")[0].strip().lower()
            if kind in SHOWN:
                headers.set("Content-Type", kind)
            else:
                headers.set("Content-Type", "application/octet-stream")
                headers.set("Content-Disposition", "attachment")
            return start_response(status, headers.to_wsgi_list(), exc_info)

        return self._inner(environ, harmless)


class Current:
    """The application that `make` makes, and another one once a study it may remember is gone.

    optuna-dashboard and Optuna's storage remember trials by the numbers of studies and trials, which SQLite gives
    again: a study that is deleted and made again while the pages are open would show old trials among the new ones.
    """

    def __init__(self, storage: Storage, make: Callable[[], "WSGIApplication"]) -> None:
        self._storage = storage
        self._make = make
        self._lock = threading.Lock()
        self._app = make()
        self._studies = self._present()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """As WSGI has it; raises StorageError where the database is away."""
        app = self._now() if environ["PATH_INFO"].startswith(_REMEMBERING) else self._app
        return app(environ, start_response)

    def _now(self) -> "WSGIApplication":
        with self._lock:
            present = self._present()
            if not self._studies <= present:
                self._storage.forget()
                self._app = self._make()
            self._studies = present
            return self._app

    def _present(self) -> set[int]:
        """Every study's id, which is of no study that was deleted."""
        with self._storage.read() as connection:
            return set(connection.execute(select(studies.c.id)).scalars())


class Shell:
    """Serves its page with our script, which sends the session's token and shows the way back; all else as it is."""

    def __init__(self, inner: "WSGIApplication") -> None:
        self._inner = inner

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request: a WSGI application around another one."""
        from werkzeug.wrappers import Response

        environ.setdefault("HTTP_ACCEPT_ENCODING", "")  # it takes for granted that everybody sends one
        if environ["PATH_INFO"].split("/")[1] != "dashboard":
            return self._inner(environ, start_response)
        for condition in _CONDITIONS:  # every answer has a nonce and a token of its own
            environ.pop(condition, None)
        head, environ["REQUEST_METHOD"] = environ["REQUEST_METHOD"] == "HEAD", "GET"
        answer = Response.from_app(self._inner, environ, buffered=True)
        environ["REQUEST_METHOD"] = "HEAD" if head else "GET"
        if answer.status_code == 200 and answer.mimetype == "text/html":
            answer.set_data(_with_script(answer.get_data(as_text=True), environ))
            answer.headers["Content-Security-Policy"] = _policy(nonce_of(environ))
            for name in ("ETag", "Last-Modified", "Accept-Ranges"):
                answer.headers.remove(name)
        return answer(environ, start_response)


def _with_script(page: str, environ: "WSGIEnvironment") -> str:
    """The page with our part at the beginning of its head, before any script of its own."""
    user = user_of(environ)
    attributes = {"token": csrf_of(environ), "user": user.name, "writes": "yes" if user.may_write else ""}
    data = " ".join(f'data-{name}="{escape(value)}"' for name, value in attributes.items())
    return page.replace("<head>", f'<head>\n<script nonce="{escape(nonce_of(environ))}" {data}>{_script()}</script>', 1)


@cache
def _script() -> str:
    return files(__package__).joinpath("shell.js").read_text("utf-8")


def _policy(nonce: str) -> str:
    """As optuna-dashboard's own: its plots need eval, its styles are inline; of inline scripts ours alone runs."""
    return (
        f"default-src 'self'; script-src 'self' 'unsafe-eval' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; media-src 'self'; connect-src 'self'; worker-src 'self' blob:; frame-src 'none'"
    )
