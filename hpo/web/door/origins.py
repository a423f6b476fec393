"""What other sites send: a browser says from where a request comes, and only our own pages may change anything.

The headers are Fetch Metadata (W3C, Sec-Fetch-*) and Origin (RFC 6454); a page cannot set either. A program that is no
browser sends none of them, and has to know the token (`changes.py`).
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hpo.web.door.answers import refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["SAFE", "SameOrigin", "scheme_of"]

SAFE = frozenset({"GET", "HEAD"})
"""Methods that change nothing."""

_PORTS = {"http": 80, "https": 443}


def scheme_of(environ: "WSGIEnvironment", *, tls: bool) -> str:
    """How a browser reaches us; `tls`: by https, whatever the last leg of the way is."""
    return "https" if tls else str(environ.get("wsgi.url_scheme", "http"))


class SameOrigin:
    """Serves what our own pages ask, and links to our pages from anywhere; refuses everything else that is foreign."""

    def __init__(self, inner: "WSGIApplication", *, tls: bool) -> None:
        self._inner = inner
        self._tls = tls

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """As WSGI has it."""
        reason = self._foreign(environ)
        if reason is None:
            return self._inner(environ, start_response)
        return refusal(environ, 403, reason)(environ, start_response)

    def _foreign(self, environ: "WSGIEnvironment") -> str | None:
        """Why the request is taken for another site's; None where it is not."""
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and not self._ours(environ, origin):
            hint = "; where TLS ends before this server, start it with --behind-tls" if origin[:6] == "https:" else ""
            return f"requests from {origin[:80]!r} are not served{hint}"
        site = environ.get("HTTP_SEC_FETCH_SITE", "none")
        if site in ("same-origin", "none"):
            return None
        if environ["REQUEST_METHOD"] in SAFE and _follows_link(environ):
            return None
        return f"requests from another site ({site[:20]}) are not served"

    def _ours(self, environ: "WSGIEnvironment", origin: str) -> bool:
        scheme = scheme_of(environ, tls=self._tls)
        return _parts(origin) == _parts(f"{scheme}://{environ.get('HTTP_HOST', '')}") != None  # noqa: E711


def _follows_link(environ: "WSGIEnvironment") -> bool:
    """Whether somebody followed a link to us, in a window of its own and not in a frame of the other site."""
    return (environ.get("HTTP_SEC_FETCH_MODE"), environ.get("HTTP_SEC_FETCH_DEST")) == ("navigate", "document")


def _parts(origin: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None where it is no origin, as `null` is none."""
    try:
        split = urlsplit(origin)
        port = split.port or _PORTS[split.scheme]
    except (ValueError, KeyError):
        return None
    if not split.hostname or split.path or split.query or split.fragment or split.username is not None:
        return None
    return split.scheme, split.hostname, port
