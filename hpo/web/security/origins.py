"""What other sites send: a browser says from where a request comes, and only our own pages may change anything.

The headers are Fetch Metadata (W3C, Sec-Fetch-*) and Origin (RFC 6454); a page cannot set either. A program that is no
browser sends none of them, and has to know the token (`permissions.py`).
"""

from urllib.parse import urlsplit

from flask import Response, request

from hpo.web.security.identity import SAFE
from hpo.web.security.refused_requests import refusal

__all__ = ["refuse_foreign"]

_PORTS = {"http": 80, "https": 443}


def refuse_foreign(*, tls: bool) -> Response | None:
    """Refuse what comes from another site, but for a link to us that somebody follows in a window of its own.

    `tls`: browsers reach us by https, whatever the last leg of the way is.
    """
    headers, scheme = request.headers, "https" if tls else request.scheme
    origin = headers.get("Origin")
    if origin is not None:
        given = _parts(origin)
        if given is None or given != _parts(f"{scheme}://{headers.get('Host', '')}"):
            hint = "; where TLS ends before this server, start it with --behind-tls" if origin[:6] == "https:" else ""
            return refusal(403, f"requests from {origin[:80]!r} are not served{hint}")
    site = headers.get("Sec-Fetch-Site", "none")
    follows = (headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest")) == ("navigate", "document")
    if site in ("same-origin", "none") or (request.method in SAFE and follows):
        return None
    return refusal(403, f"requests from another site ({site[:20]}) are not served")


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
