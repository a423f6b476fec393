"""Header fields that are plain text, whoever sent them: ASCII that can be printed, so that nothing behind stumbles.

A browser sends what other programs of this host left it as cookies, and may name in Referer and User-Agent what it
likes: of these what is not plain is left out. Anything else that is not is refused.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hpo.web.door.answers import refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["PlainFields", "plain_cookies"]

_PLAIN = re.compile(r"[\t\x20-\x7e]*")
_LEFT_OUT = ("HTTP_REFERER", "HTTP_USER_AGENT")


class PlainFields:
    """Serves requests whose headers are plain text."""

    def __init__(self, inner: "WSGIApplication") -> None:
        self._inner = inner

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """As WSGI has it."""
        if "HTTP_COOKIE" in environ:
            environ["HTTP_COOKIE"] = plain_cookies(environ["HTTP_COOKIE"])
        odd = [name for name in environ if _is_field(name) and not _PLAIN.fullmatch(environ[name])]
        for name in odd:
            del environ[name]
        refused = [name for name in odd if name not in _LEFT_OUT]
        if not refused:
            return self._inner(environ, start_response)
        name = refused[0].removeprefix("HTTP_").replace("_", "-").title()
        reason = f"the header {name} has a sign in it that is none of ASCII"
        return refusal(environ, 400, reason)(environ, start_response)


def plain_cookies(header: str) -> str:
    """The cookies of a header that are plain text."""
    return ";".join(pair for pair in header.split(";") if _PLAIN.fullmatch(pair))


def _is_field(name: str) -> bool:
    return name.startswith("HTTP_") or name == "CONTENT_TYPE"
