"""A line in the log for each request, and an answer in words where something went wrong behind the door."""

import logging
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from hpo.errors import HpoError
from hpo.web.door.answers import refusal
from hpo.web.door.user import user_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["Access"]

_log = logging.getLogger("hpo.web")


class Access:
    """Logs who asked what and what came of it; never a query, a header or a body, in which secrets may stand."""

    def __init__(self, inner: "WSGIApplication") -> None:
        self._inner = inner

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """As WSGI has it."""
        began = time.monotonic()
        method, path = str(environ["REQUEST_METHOD"])[:10], _shown(environ.get("PATH_INFO", ""))
        code = 0

        def noting(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            nonlocal code
            code = int(status[:3])
            return start_response(status, headers, exc_info)

        try:
            answer = self._inner(environ, noting)
        except HpoError as error:
            _log.error("%s", error)
            reason = "the database or the file of users does not answer now: try again in a moment"
            answer = refusal(environ, 503, reason, headers={"Retry-After": "5"})(environ, noting)
        except Exception:
            _log.exception("defect in answering %s %s", method, path)
            answer = refusal(environ, 500, "something is wrong with this server; its log says what")(environ, noting)
        user = user_of(environ).name or "-"
        seconds = round(time.monotonic() - began, 3)
        fields = {"method": method, "path": path, "status": code, "user": user, "seconds": seconds}
        level = logging.DEBUG if path == "/healthz" and code == 200 else logging.INFO
        _log.log(level, "%s %s", method, path, extra={**fields, "address": environ.get("REMOTE_ADDR", "")})
        return answer


def _shown(path: str) -> str:
    """The path on one line, whatever is in it."""
    text = path.encode("latin-1", "replace").decode("utf-8", "replace")[:200]
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
