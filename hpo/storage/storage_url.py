"""The storage URL has one owner: what may be written, what it means, and how it is shown without its password."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from hpo.errors import UsageError
from hpo.storage import server_url

__all__ = ["StorageUrl", "parse"]

Backend = Literal["sqlite", "postgresql"]

_SQLITE = {"sqlite", "sqlite+pysqlite"}
_REMEDY = "use sqlite:///FILE or postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}")
_SETTINGS = re.compile(  # libpq's other way to name a database, and ODBC's
    r"(?:^|[\s;?&])(?:host|hostaddr|port|user|username|uid|password|passwd|pwd|passfile|dbname|database|service|server"
    r"|sslmode|sslpassword|driver)\s*=",
    re.IGNORECASE,
)
_SERVER = re.compile(r"(?:postgres|postgresql|pgsql|mysql|mariadb|jdbc)(?:\+\w+)?//", re.IGNORECASE)  # less its colon
_DISTINCT = 4  # characters; shorter than that is a part of ordinary words


@dataclass(frozen=True, kw_only=True)
class StorageUrl:
    """Where a database is, in a form that does not depend on the folder one is in."""

    backend: Backend
    url: str = field(repr=False)  # whole, password included; for SQLite the file's path is absolute
    safe: str  # the same with *** for the password, and a SQLite file as the user gave it: what is printed
    sqlalchemy: URL = field(repr=False)  # as SQLAlchemy takes it
    path: Path | None = None  # the SQLite file, absolute; None for a server
    secrets: tuple[str, ...] = field(
        default=(), repr=False
    )  # every spelling of the password, to be struck out of messages

    def hide(self, text: str) -> str:
        """`text` with every spelling of the password, and the whole URL, made safe to print."""
        text = text.replace(self.url, self.safe)
        for secret in self.secrets:
            if len(secret) < _DISTINCT:  # struck out of words around it, it could be told from what is left of them
                text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", text)
            else:
                text = text.replace(secret, "***")
        return text


def parse(text: str) -> StorageUrl:
    """Read a storage URL, or the plain path of a SQLite file.

    Raises:
        UsageError: it is no URL, names a database that is not supported, or has a brace in it; of the URL of a server
            nothing is told but its scheme, as anything else may be of a password.
        StorageError: the driver of that database is not installed.

    """
    text = text.strip()
    if not text:
        raise UsageError(f"the storage URL is empty: {_REMEDY}")
    head, slashes, _ = text.partition("://")
    if not slashes:
        return _plain_path(text)
    scheme = head.lower()
    if scheme not in _SQLITE | server_url.POSTGRES:
        if not _SCHEME.fullmatch(head):
            raise UsageError(f"{_named(text)} is not a storage URL: {_REMEDY}")
        raise UsageError(f"storage {head!r} is not supported: {_REMEDY}")
    if "{" in text or "}" in text:
        # Optuna fills braces in as a template.
        raise UsageError(f"{_named(text)} has a brace in it: write %7B for {{ and %7D for }}")
    return _sqlite(_of_file(scheme, text)) if scheme in _SQLITE else _postgresql(text)


def _plain_path(text: str) -> StorageUrl:
    if _SETTINGS.search(text):
        raise UsageError(f"the storage is given as settings, with = between name and value: {_REMEDY}")
    if ":" in text or "{" in text or "}" in text or _SERVER.match(text):
        raise UsageError(f"{_named(text)} is neither a storage URL nor a path: {_REMEDY}")
    return _sqlite(URL.create("sqlite", database=text))


def _of_file(scheme: str, text: str) -> URL:
    try:
        return make_url(scheme + text[len(scheme) :])
    except (ArgumentError, ValueError):
        raise UsageError(f"{_named(text)} is not a storage URL: {_REMEDY}") from None


def _sqlite(url: URL) -> StorageUrl:
    if url.host or url.username or url.password or url.port:
        raise UsageError(
            "the storage URL 'sqlite:…' has a host in it: a SQLite URL has three slashes, sqlite:///hpo.db"
        )
    if url.query:
        raise UsageError("the storage URL 'sqlite:…': a SQLite URL takes no options, so leave out all from the ? on")
    name = url.database or ""
    if "?" in name:  # a plain path; in a URL it would begin the options
        raise UsageError(f"{name!r} has a question mark in it, which a storage URL cannot say: rename the file")
    if not name or name == ":memory:" or name.startswith("file:"):
        raise UsageError(
            "the storage URL 'sqlite:…' names no file: several processes share a study, so use sqlite:///FILE"
        )
    try:
        path = Path(name).expanduser().absolute()
    except RuntimeError:
        raise UsageError(f"{name!r} begins with the home folder of a user who does not exist") from None
    if "\0" in name:
        raise UsageError("the storage URL has a zero byte in it")
    whole = URL.create("sqlite", database=str(path))
    return StorageUrl(
        backend="sqlite", url=whole.render_as_string(), safe=f"sqlite:///{name}", sqlalchemy=whole, path=path
    )


def _postgresql(text: str) -> StorageUrl:
    try:
        found = server_url.read(text)
    except ValueError as error:
        raise UsageError(f"{_named(text)} is not a storage URL: {error}") from None
    return StorageUrl(
        backend="postgresql",
        url=found.whole,
        safe=found.safe,
        sqlalchemy=found.sqlalchemy,
        secrets=found.secrets,
    )


def _named(text: str) -> str:
    """What was given, as far as no password can be in it: its scheme."""
    scheme = text.partition(":")[0]
    return f"the storage URL '{scheme}:…'" if _SCHEME.fullmatch(scheme) else "the storage that was given"
