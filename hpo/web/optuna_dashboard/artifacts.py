"""Files that people attach to trials: a browser may show a picture of them, and runs none of them.

optuna-dashboard answers with the type the uploader gave. HTML or SVG would run as a page of ours, with the rights of
whoever opens it, so all but pictures, sounds and films, which nothing can be written in, is a plain download.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import Headers

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["SHOWN", "Harmless"]

SHOWN = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"}
    | {"audio/mpeg", "audio/ogg", "audio/wav", "audio/x-wav", "audio/flac", "audio/aac", "audio/mp4", "audio/webm"}
    | {"video/mp4", "video/webm", "video/ogg"}
)
"""Types that are given as they are; none can hold a script. SVG, a picture too, can."""


class Harmless:
    """Gives attached files as downloads, whatever they say they are."""

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
