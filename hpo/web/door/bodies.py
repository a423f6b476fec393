"""What is malformed or too large, turned away before anything behind the door reads it."""

import io
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hpo.web.door.answers import refusal
from hpo.web.door.origins import SAFE

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["LARGEST_FILE", "LARGEST_REQUEST", "JsonObjects", "WellFormed", "body_of"]

LARGEST_FILE = 32 * 2**20  # bytes of a request that attaches a file; base64 makes a file a third longer
LARGEST_REQUEST = 2**20  # bytes of any other
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
_ATTACHING = "/api/artifacts/"


class WellFormed:
    """Serves requests with a method, a path and a length that something behind the door could want."""

    def __init__(self, inner: "WSGIApplication") -> None:
        self._inner = inner

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """As WSGI has it."""
        method = environ["REQUEST_METHOD"]
        if method not in _METHODS:
            answer = refusal(environ, 405, f"{method[:20]!r} is not served", headers={"Allow": ", ".join(_METHODS)})
        elif not _is_path(environ.get("PATH_INFO", "")):
            answer = refusal(environ, 400, "this is no path of ours")
        else:
            wrong = _wrong_length(environ)
            if wrong is None:
                return self._inner(environ, start_response)
            answer = refusal(environ, *wrong)
        return answer(environ, start_response)


class JsonObjects:
    """Serves changes to `/api` whose body, where there is one, is a JSON object; behind the login, as reading costs."""

    def __init__(self, inner: "WSGIApplication") -> None:
        self._inner = inner

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """As WSGI has it."""
        wrong = None
        if environ["REQUEST_METHOD"] not in SAFE and environ["PATH_INFO"].startswith("/api"):
            wrong = _wrong_json(environ)
        if wrong is None:
            return self._inner(environ, start_response)
        return refusal(environ, *wrong)(environ, start_response)


def body_of(environ: "WSGIEnvironment") -> bytes:
    """The whole body, which stays to be read again; `WellFormed` has seen to it that it is not too large."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body: bytes = environ["wsgi.input"].read(length) if length else b""
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _is_path(raw: str) -> bool:
    """Whether it reads the same to everybody: UTF-8, nothing unprintable, no way up, no empty segment but the last."""
    try:
        path = raw.encode("latin-1").decode()
    except UnicodeError:
        return False
    if not path.startswith("/") or "\\" in path or not path.isprintable():
        return False
    segments = path.split("/")[1:]
    return not any(s in (".", "..") for s in segments) and all(segments[:-1])


def _wrong_length(environ: "WSGIEnvironment") -> tuple[int, str] | None:
    """The status and the reason to refuse it; None where nothing is wrong with it."""
    given = environ.get("CONTENT_LENGTH") or "0"
    if not (given.isascii() and given.isdigit()):
        return 400, "the length of the request is no number"
    length = int(given)
    limit = LARGEST_FILE if environ["PATH_INFO"].startswith(_ATTACHING) else LARGEST_REQUEST
    if length > limit:
        return 413, f"a request of {length / 2**20:.1f} MiB is too large: at most {limit // 2**20} MiB"
    return None


def _wrong_json(environ: "WSGIEnvironment") -> tuple[int, str] | None:
    body = body_of(environ)
    if not body:
        return None
    if environ.get("CONTENT_TYPE", "").split(";")[0].strip().lower() != "application/json":
        return 415, "the body must be application/json"
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return 400, "the body is no JSON document"
    return None if isinstance(read, dict) else (400, "the body must be a JSON object")
