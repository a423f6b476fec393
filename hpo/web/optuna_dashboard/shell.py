"""optuna-dashboard's page with our script in it, which sends the session's token and shows the way back."""

from collections.abc import Iterable
from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from hpo.web.security.identity import csrf_of, nonce_of, user_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["Shell"]

_CONDITIONS = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_RANGE", "HTTP_RANGE")


class Shell:
    """Serves its page with our script, everything else as it is."""

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
    told = {"token": csrf_of(environ), "user": user.name, "writes": "yes" if user.may_write else ""}
    data = " ".join(f'data-{name}="{escape(value)}"' for name, value in told.items())
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
