"""What a browser is told not to do with our answers.

A part behind the door may send a Content-Security-Policy of its own; what no page of ours may do is then added to it,
as a second policy: a browser obeys both.
"""

import secrets
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import Headers

from hpo.web.door.user import NONCE

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["Secured"]

_NEVER = "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
_DATA = "default-src 'none'; frame-ancestors 'none'; sandbox"
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: with that, browsers send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Robots-Tag": "noindex, nofollow",
}
_YEAR = 31_536_000  # seconds


class Secured:
    """Adds the headers to every answer, the door's own included, and draws the nonce of this answer."""

    def __init__(self, inner: "WSGIApplication", *, tls: bool) -> None:
        self._inner = inner
        self._tls = tls

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """As WSGI has it."""
        nonce = environ[NONCE] = secrets.token_urlsafe(16)

        def secured(status: str, given: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            headers = Headers(given)
            self._secure(headers, nonce)
            return start_response(status, headers.to_wsgi_list(), exc_info)

        return self._inner(environ, secured)

    def _secure(self, headers: Headers, nonce: str) -> None:
        for name in [name for name, _ in headers if name.lower().startswith("access-control-")]:
            headers.remove(name)  # nobody else's pages may read what we answer
        headers.remove("Server")
        for name, value in _ALWAYS.items():
            headers.set(name, value)
        if self._tls:
            headers.set("Strict-Transport-Security", f"max-age={_YEAR}")
        page = headers.get("Content-Type", "").split(";")[0].strip().lower() == "text/html"
        if "Content-Security-Policy" in headers:
            headers.add("Content-Security-Policy", _NEVER)
        else:
            headers.set("Content-Security-Policy", _ours(nonce) if page else _DATA)
        if "Cache-Control" not in headers:
            kept = not page and ("ETag" in headers or "Last-Modified" in headers)
            headers.set("Cache-Control", "private, no-cache" if kept else "no-store")


def _ours(nonce: str) -> str:
    """For pages: scripts and styles that carry the nonce, everything else from this server or not at all."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self' data:; "
        f"font-src 'self'; connect-src 'self'; {_NEVER}"
    )
