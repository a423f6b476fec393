"""What a browser is told not to do with our answers.

A part may send a Content-Security-Policy of its own; what no page of ours may do is then added to it, as a second
policy: a browser obeys both.
"""

import secrets

from flask import Response, request

from hpo.web.security.identity import NONCE, nonce_of

__all__ = ["draw_nonce", "secure"]

_NEVER = "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
_DATA = "default-src 'none'; frame-ancestors 'none'; sandbox"
_PAGE = (
    # Scripts and styles that carry the nonce, everything else from this server or not at all.
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self' data:; "
    f"font-src 'self'; connect-src 'self'; {_NEVER}"
)
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


def draw_nonce() -> None:
    """Draw what marks our own scripts and styles in the answer to this request."""
    request.environ[NONCE] = secrets.token_urlsafe(16)


def secure(response: Response, *, tls: bool) -> Response:
    """Add the headers to an answer, whoever gave it."""
    headers = response.headers
    for name in [name for name, _ in headers if name.lower().startswith("access-control-")]:
        headers.remove(name)  # nobody else's pages may read what we answer
    headers.remove("Server")
    headers.update(_ALWAYS)
    if tls:
        headers["Strict-Transport-Security"] = f"max-age={_YEAR}"
    page = response.mimetype == "text/html"
    if "Content-Security-Policy" in headers:
        headers.add("Content-Security-Policy", _NEVER)
    else:
        headers["Content-Security-Policy"] = _PAGE.format(nonce=nonce_of(request.environ)) if page else _DATA
    if "Cache-Control" not in headers:
        kept = not page and ("ETag" in headers or "Last-Modified" in headers)
        headers["Cache-Control"] = "private, no-cache" if kept else "no-store"
    return response
