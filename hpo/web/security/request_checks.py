"""What is malformed or too large, turned away before any page reads it."""

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import Response, request

from hpo.web.security.identity import SAFE
from hpo.web.security.refused_requests import refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = [
    "LARGEST_FILE",
    "LARGEST_FORM",
    "LARGEST_REQUEST",
    "LIMIT",
    "Longest",
    "limit",
    "refuse_malformed",
    "refuse_odd_headers",
    "refuse_what_is_no_json_object",
]

Longest = Callable[["WSGIEnvironment"], int]
"""How many bytes the body of a request may have, told by its method, path, host and cookies."""

LARGEST_FILE = 32 * 2**20  # bytes of a request that attaches a file; base64 makes a file a third longer
LARGEST_REQUEST = 2**20  # bytes of any other change
LARGEST_FORM = 8 * 2**10  # bytes of a login, and of whatever somebody sends who may change nothing
LIMIT = "hpo.limit"  # in the environment: how many bytes its body may have, decided before any of them was taken in
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
_DEEPEST = 50  # levels of lists and objects in a body
_PLAIN = re.compile(r"[\t\x20-\x7e]*")
_LEFT_OUT = ("HTTP_REFERER", "HTTP_USER_AGENT")


def limit(path: str, *, writes: bool) -> int:
    """How many bytes may be sent to that path; `writes`: by a user who may write."""
    if not writes or path in ("/login", "/logout"):
        return LARGEST_FORM
    return LARGEST_FILE if path.startswith("/api/artifacts/") else LARGEST_REQUEST


def refuse_odd_headers() -> Response | None:
    """Refuse a header that is not plain text: ASCII that can be printed, so that nothing behind stumbles.

    A browser sends what other programs of this host left it as cookies, and may name in Referer and User-Agent what it
    likes: of these what is not plain is left out.
    """
    environ = request.environ
    if "HTTP_COOKIE" in environ:
        environ["HTTP_COOKIE"] = ";".join(p for p in environ["HTTP_COOKIE"].split(";") if _PLAIN.fullmatch(p))
    fields = [name for name in environ if name.startswith("HTTP_") or name == "CONTENT_TYPE"]
    odd = [name for name in fields if not _PLAIN.fullmatch(environ[name])]
    for name in odd:
        del environ[name]
    refused = [name.removeprefix("HTTP_").replace("_", "-").title() for name in odd if name not in _LEFT_OUT]
    return refusal(400, f"the header {refused[0]} has a sign in it that is none of ASCII") if refused else None


def refuse_malformed(longest: Longest) -> Response | None:
    """Refuse a method, a path or a length that nothing here wants; `longest` is asked where the server did not."""
    if request.method not in _METHODS:
        return refusal(405, f"{request.method[:20]!r} is not served", Allow=", ".join(_METHODS))
    if not _is_path(request.environ["PATH_INFO"]):
        return refusal(400, "this is no path of ours")
    given = request.environ.get("CONTENT_LENGTH") or "0"
    if not (given.isascii() and given.isdigit()):
        return refusal(400, "the length of the request is no number")
    length, most = int(given), request.environ.get(LIMIT)
    if most is None:
        most = longest(request.environ)
    if length > most:
        who = " of who may not write, or has not logged in" if most == LARGEST_FORM else ""
        return refusal(413, f"a request of {_size(length)} is too large: at most {_size(most)}{who}")
    return None


def refuse_what_is_no_json_object() -> Response | None:
    """Refuse a change to `/api` whose body, where there is one, is no JSON object; behind the login: reading costs."""
    if request.method in SAFE or not request.path.startswith("/api"):
        return None
    body = request.get_data()
    if not body:
        return None
    if request.mimetype != "application/json":
        return refusal(415, "the body must be application/json")
    try:
        read = json.loads(body)
        deep = _depth(read) > _DEEPEST
        json.dumps(read, ensure_ascii=False).encode()  # as somebody who keeps it would
    except UnicodeEncodeError:
        return refusal(400, "the body has half a character in it (a surrogate without the other)")
    except (ValueError, RecursionError):
        return refusal(400, "the body is no JSON document")
    if not isinstance(read, dict):
        return refusal(400, "the body must be a JSON object")
    return refusal(400, f"the body is nested deeper than {_DEEPEST} levels") if deep else None


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


def _size(length: int) -> str:
    return f"{length / 2**20:.3g} MiB" if length >= 2**20 else f"{length / 2**10:.3g} KiB"


def _depth(entry: object) -> int:
    """How many lists and objects stand within one another."""
    inner = entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)
