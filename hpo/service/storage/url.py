"""The storage URL has one owner: what may be written, what it means, and how it is shown without its password."""

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote, quote_plus

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from hpo.errors import StorageError, UsageError

__all__ = ["StorageUrl", "parse"]

Backend = Literal["sqlite", "postgresql"]

_POSTGRES = {"postgres", "postgresql", "postgresql+psycopg", "postgres+psycopg"}
_SQLITE = {"sqlite", "sqlite+pysqlite"}
_SECRET_OPTIONS = ("password", "sslpassword")
_REMEDY = "use sqlite:///FILE or postgresql://USER:PASSWORD@HOST:PORT/DATABASE"


@dataclass(frozen=True, kw_only=True)
class StorageUrl:
    """Where a database is, in a form that does not depend on the folder one is in."""

    backend: Backend
    url: str = field(repr=False)  # whole, password included; for SQLite the file's path is absolute
    safe: str  # the same with *** for the password, and a SQLite file as the user gave it: what is printed
    path: Path | None = None  # the SQLite file, absolute; None for a server
    secrets: tuple[str, ...] = field(
        default=(), repr=False
    )  # every spelling of the password, to be struck out of messages

    @property
    def sqlalchemy(self) -> URL:
        """The URL as SQLAlchemy takes it."""
        return make_url(self.url)

    def hide(self, text: str) -> str:
        """`text` with every spelling of the password, and the whole URL, made safe to print."""
        text = text.replace(self.url, self.safe)
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def parse(text: str) -> StorageUrl:
    """Read a storage URL, or the plain path of a SQLite file.

    Raises:
        UsageError: it is no URL, names a database that is not supported, or has a brace in it.
        StorageError: the driver of that database is not installed.

    """
    text = text.strip()
    if not text:
        raise UsageError(f"the storage URL is empty: {_REMEDY}")
    if "://" not in text:
        return _plain_path(text)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # The driver's own message may repeat the password, so none of it is passed on.
        raise UsageError(f"{_shown(text)!r} is not a storage URL: {_REMEDY}") from None
    if "{" in text or "}" in text:
        # Optuna fills braces in as a template.
        raise UsageError(f"the storage URL {_shown(text)!r} has a brace in it: write %7B for {{ and %7D for }}")
    if url.drivername in _SQLITE:
        return _sqlite(url)
    if url.drivername in _POSTGRES:
        return _postgresql(url)
    raise UsageError(f"storage {url.drivername!r} is not supported: {_REMEDY}")


def _plain_path(text: str) -> StorageUrl:
    if ":" in text or "{" in text or "}" in text:
        raise UsageError(f"{_shown(text)!r} is neither a storage URL nor a path: {_REMEDY}")
    return _sqlite(URL.create("sqlite", database=text))


def _sqlite(url: URL) -> StorageUrl:
    if url.host or url.username or url.password:
        raise UsageError(f"{_shown(str(url))!r} has a host in it: a SQLite URL has three slashes, sqlite:///hpo.db")
    if url.query:
        raise UsageError(f"{str(url)!r}: a SQLite URL takes no options, so leave out ?{next(iter(url.query))}=…")
    name = url.database or ""
    if "?" in name:  # a plain path; in a URL it would begin the options
        raise UsageError(f"{name!r} has a question mark in it, which a storage URL cannot say: rename the file")
    if not name or name == ":memory:" or name.startswith("file:"):
        raise UsageError(f"{str(url)!r} names no file: several processes share a study, so use sqlite:///FILE")
    try:
        path = Path(name).expanduser().absolute()
    except RuntimeError:
        raise UsageError(f"{name!r} begins with the home folder of a user who does not exist") from None
    if "\0" in name:
        raise UsageError("the storage URL has a zero byte in it")
    return StorageUrl(
        backend="sqlite",
        url=URL.create("sqlite", database=str(path)).render_as_string(),
        safe=f"sqlite:///{name}",
        path=path,
    )


def _postgresql(url: URL) -> StorageUrl:
    if importlib.util.find_spec("psycopg") is None:
        raise StorageError("PostgreSQL needs the psycopg driver: pip install 'hpo-service[postgres]'")
    url = url.set(drivername="postgresql+psycopg")
    passwords = [value for name in _SECRET_OPTIONS for value in url.normalized_query.get(name, ())]
    if url.password:
        passwords.append(str(url.password))
    shown = url.set(drivername="postgresql").difference_update_query(_SECRET_OPTIONS)
    return StorageUrl(
        backend="postgresql",
        url=url.render_as_string(hide_password=False),
        safe=shown.render_as_string(hide_password=True),
        secrets=tuple(spelling for p in passwords for spelling in dict.fromkeys([p, quote(p, safe=""), quote_plus(p)])),
    )


def _shown(text: str) -> str:
    """Something that could not be read, less what may be a password: all before the last @, and all options."""
    text, mark, _ = text.partition("?")
    options = "?***" if mark else ""
    head, at, tail = text.rpartition("@")
    scheme, slashes, rest = (head if at else text).partition("://")
    if at:
        return f"{scheme}://***@{tail}{options}" if slashes else f"***@{tail}{options}"
    # postgresql://me:secret/db lacks its host, so what stands there for one need not be one.
    hidden = slashes and scheme not in _SQLITE and ":" in rest
    return f"{scheme}://***{options}" if hidden else f"{text}{options}"
