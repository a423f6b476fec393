"""A line in the log for each request: who asked what and what came of it.

Never a query, a header or a body, in which secrets may stand.
"""

import logging
import time

from flask import Response, g, request

from hpo.web.security.identity import user_of

__all__ = ["begin", "write"]

_log = logging.getLogger("hpo.web")


def begin() -> None:
    """Note when the request came."""
    g.began = time.monotonic()


def write(response: Response) -> Response:
    """Write the line, once the answer is known."""
    method, path, code = request.method[:10], _shown(request.path), response.status_code
    extra = {
        "method": method,
        "path": path,
        "status": code,
        "user": user_of(request.environ).name or "-",
        "seconds": round(time.monotonic() - g.began, 3),
        "address": request.remote_addr or "",
    }
    _log.log(logging.DEBUG if path == "/healthz" and code == 200 else logging.INFO, "%s %s", method, path, extra=extra)
    return response


def _shown(path: str) -> str:
    """The path on one line, whatever is in it."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in path[:200])
