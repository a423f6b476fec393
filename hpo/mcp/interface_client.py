"""Asking the interface for programs: a server elsewhere with a token, or the same in this process with a database."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hpo.errors import HpoError, UsageError
from hpo.web.addresses import segment
from hpo.web.security.refusals import API

if TYPE_CHECKING:
    import httpx2

    from hpo.web.api.operations import Operation

__all__ = ["TOKEN", "Answer", "ask", "in_process", "remote"]

TOKEN = "HPO_TOKEN"
"""The environment variable in which a token for a server elsewhere stands."""

_SECONDS = 60.0  # for one answer
_TOKEN_SECONDS = 30 * 86400.0  # a token of this process ends with it, or at the latest then


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back."""

    document: Any  # what the operation gives; None where it was refused
    problem: str | None  # why it was, in one line


@contextmanager
def remote(url: str, token: str | None) -> "Iterator[httpx2.Client]":
    """The interface of the `hpo dashboard` at that address.

    Args:
        url: as `hpo dashboard` tells it, such as https://hpo.example.org.
        token: that is sent along; None: none.

    Raises:
        UsageError: it is no address, or has a password in it.

    """
    import httpx2

    if "@" in url:
        raise UsageError(f"--url has a user or a password in it, which logs would keep: put a token into {TOKEN}")
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment)
        client = httpx2.Client(base_url=url.rstrip("/") + API, headers=_headers(token), timeout=_SECONDS)
    except (ValueError, httpx2.InvalidURL):
        fine = False
    if not fine:
        raise UsageError(f"--url {url!r:.80} is no address of a server: give it as https://hpo.example.org")
    with client:
        yield client


@contextmanager
def in_process(storage: str, *, budget: int | None, most_open: int) -> "Iterator[httpx2.Client]":
    """The interface in this process, over a database.

    Args:
        storage: URL of the database.
        budget: trials that may be opened, and studies stopped, until this ends; None: nothing is changed.
        most_open: trials that may be open in all studies together.

    Raises:
        StorageError: the database cannot be opened, or not be written where there is a budget.

    """
    import httpx2

    from hpo import storage as storages
    from hpo.storage import program_tokens
    from hpo.web.api.in_process import application

    with closing(storages.open(storage)) as opened:
        token, name = None, f"mcp-{secrets.token_hex(4)}"
        if budget is not None:
            token = program_tokens.create(opened, name, scope="write", budget=budget, seconds=_TOKEN_SECONDS)
        app = application(opened, most_open=most_open)
        url, headers = f"http://localhost{API}", _headers(token)
        try:
            with httpx2.Client(base_url=url, headers=headers, transport=httpx2.WSGITransport(app=app)) as client:
                yield client
        finally:
            if token is not None:
                program_tokens.revoke(opened, name)


def ask(client: "httpx2.Client", operation: "Operation", arguments: Mapping[str, Any]) -> Answer:
    """Ask for an operation; what is wrong with the arguments the interface says itself.

    Args:
        client: from `remote` or `in_process`.
        operation: what is asked for.
        arguments: what stands in its address, its query and its body, by name.

    """
    import httpx2

    path, rest = operation.path, {name: value for name, value in arguments.items() if value is not None}
    for name in operation.places:
        if name not in rest:
            return Answer(document=None, problem=f"{name} is missing")
        path = path.replace(f"{{{name}}}", segment(str(rest.pop(name))))
    sent: dict[str, Any] = {"json": rest} if operation.method == "POST" else {"params": rest}
    try:
        request = client.build_request(operation.method, path, **sent)
    except (ValueError, TypeError):  # a number that is not finite, half a character
        return Answer(document=None, problem="the arguments are nothing that JSON can say: leave out what is no text")
    try:
        answer = client.send(request)
        told = answer.json()
    except httpx2.HTTPError as error:
        return Answer(document=None, problem=f"{client.base_url.host} does not answer: {error}")
    except ValueError:
        return Answer(document=None, problem=f"{client.base_url.host} answers otherwise than hpo dashboard does")
    if answer.is_success:
        return Answer(document=told, problem=None)
    detail = told.get("detail") if isinstance(told, dict) else None
    return Answer(document=None, problem=str(detail or f"{client.base_url.host} answers {answer.status_code}"))


def _headers(token: str | None) -> dict[str, str]:
    if token is None:
        return {}
    if not token.isascii() or not token.isprintable():
        raise HpoError(f"{TOKEN} has a sign in it that no token has: copy it again")
    return {"Authorization": f"Bearer {token}"}
