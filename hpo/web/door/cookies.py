"""The door's cookies: out of reach for scripts, never sent with another site's requests, over TLS only where there is.

Browsers send a host's cookies to all of its ports, so names end with the port: two servers of one machine have
different ones.
"""

import re
from typing import TYPE_CHECKING

from hpo.web.door.fields import plain_cookies

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.wrappers import Response

__all__ = ["Cookie"]

_PORT = re.compile(r":(\d{1,5})$")


class Cookie:
    """One cookie, by the purpose it has."""

    def __init__(self, purpose: str, *, tls: bool) -> None:
        self._purpose = purpose
        self._tls = tls

    def of(self, environ: "WSGIEnvironment") -> str | None:
        """What the browser holds; None where it holds none."""
        from werkzeug.http import parse_cookie

        return parse_cookie(plain_cookies(environ.get("HTTP_COOKIE", ""))).get(self._name(environ)) or None

    def give(self, environ: "WSGIEnvironment", response: "Response", value: str, *, seconds: float) -> None:
        """Have the browser hold `value` for so long."""
        response.set_cookie(
            self._name(environ),
            value,
            max_age=int(seconds),
            path="/",
            secure=self._secure(environ),
            httponly=True,
            samesite="Strict",
        )

    def take_back(self, environ: "WSGIEnvironment", response: "Response") -> None:
        """Have the browser forget it."""
        self.give(environ, response, "", seconds=0)

    def _name(self, environ: "WSGIEnvironment") -> str:
        port = _PORT.search(environ.get("HTTP_HOST", ""))
        name = f"hpo_{self._purpose}" + (f"_{port[1]}" if port else "")
        return f"__Host-{name}" if self._secure(environ) else name  # a browser takes __Host- from TLS alone

    def _secure(self, environ: "WSGIEnvironment") -> bool:
        return self._tls or environ.get("wsgi.url_scheme") == "https"
