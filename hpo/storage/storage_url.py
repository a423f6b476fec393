"""The storage URL has one owner: what may be written, what it means, and how it is shown without its password.

The URL of a server is read as RFC 3986 has it and in no other way. Readers of URLs differ over what stands unescaped in
a password: of `postgresql://me:p@ss@host/db` one takes `p` for the password and `ss@host` for the host, and shows that
to everybody. So what can be read in two ways is refused, and a refusal says nothing of what was given but its scheme.
"""

import importlib.util
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote, quote_plus, unquote

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from hpo.errors import StorageError, UsageError

__all__ = ["StorageUrl", "parse"]

_SQLITE = frozenset({"sqlite", "sqlite+pysqlite"})
_POSTGRES = frozenset({"postgres", "postgresql", "postgresql+psycopg", "postgres+psycopg"})
_DRIVER = "postgresql+psycopg"
_REMEDY = "use sqlite:///FILE or postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}")
_SETTINGS = re.compile(  # libpq's other way to name a database, and ODBC's
    r"(?:^|[\s;?&])(?:host|hostaddr|port|user|username|uid|password|passwd|pwd|passfile|dbname|database|service|server"
    r"|sslmode|sslpassword|driver)\s*=",
    re.IGNORECASE,
)
_SERVER = re.compile(r"(?:postgres|postgresql|pgsql|mysql|mariadb|jdbc)(?:\+\w+)?//", re.IGNORECASE)  # less its colon
_DISTINCT = 4  # characters; shorter than that is a part of ordinary words
_ENCODE = "in names, passwords and options write %40 for @, %3A for :, %2F for /, %3F for ?, %23 for #, %25 for %"
_SEVERAL = frozenset({"host", "port"})  # options that SQLAlchemy takes more than once: one a server

_URL = re.compile(
    r"[^:]+://"
    r"(?:(?P<user>[^@:/?#]*)(?::(?P<password>[^@/?#]*))?@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[\w.,-]*)(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/(?P<database>[^@?#]*))?"
    r"(?:\?(?P<options>[^@#]*))?"
)
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, kw_only=True)
class StorageUrl:
    """Where a database is, in a form that does not depend on the folder one is in."""

    backend: Literal["sqlite", "postgresql"]
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
    if scheme not in _SQLITE | _POSTGRES:
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


def _named(text: str) -> str:
    """What was given, as far as no password can be in it: its scheme."""
    scheme = text.partition(":")[0]
    return f"the storage URL '{scheme}:…'" if _SCHEME.fullmatch(scheme) else "the storage that was given"


def _postgresql(text: str) -> StorageUrl:
    if importlib.util.find_spec("psycopg") is None:
        raise StorageError("PostgreSQL needs the psycopg driver: pip install 'hpo-service[postgres]'")
    try:
        return _server(text)
    except ValueError as error:  # which quotes nothing
        raise UsageError(f"{_named(text)} is not a storage URL: {error}") from None


def _server(text: str) -> StorageUrl:
    """The URL of a PostgreSQL server. Raises ValueError where it can be read in no way, or in two."""
    if not text.isprintable():
        raise ValueError("it has a character in it that cannot be printed: write its percent-encoding")
    _refuse_percents(text)
    if text.count("@") > 1:
        raise ValueError(f"it has more than one @ in it: {_ENCODE}")
    found = _URL.fullmatch(text)
    if found is None:
        raise ValueError(f"it is not USER:PASSWORD@HOST:PORT/DATABASE: {_ENCODE}")
    port = int(found["port"]) if found["port"] else None
    if port is not None and not 0 < port < 2**16:
        raise ValueError("its port is none of 1 to 65535")
    written = _options(found["options"] or "")
    options = {name: [unquote(raw.replace("+", " ")) for raw in raws] for name, raws in written.items()}
    hidden = [*_secret_options(), "options"]  # in `options` any setting of the server may stand
    user, password = (None if found[part] is None else unquote(found[part]) for part in ("user", "password"))
    host, database = found["host"].strip("[]"), unquote(found["database"] or "")

    def url(scheme: str, login: str | None, names: Iterable[str]) -> str:
        """The URL, every sign in it encoded that is none of a URL's own, with these options."""
        name = "" if user is None else quote(user, safe="")
        pairs = [f"{name}={quote(value, safe='/')}" for name in sorted(names) for value in options[name]]
        parts = [
            f"{scheme}://",
            "" if user is None else f"{name}@" if login is None else f"{name}:{login}@",
            f"[{host}]" if ":" in host else host,
            "" if port is None else f":{port}",
            f"/{quote(database)}" if database else "",
            f"?{'&'.join(pairs)}" if pairs else "",
        ]
        return "".join(parts)

    passwords = [value for name in hidden for value in options.get(name, ())] + ([password] if password else [])
    spelled = {found["password"] or "", *(raw for name in hidden for raw in written.get(name, ()))}
    spelled |= {spelling for each in passwords for spelling in _spellings(each)}
    spelled |= {" ".join(spelling.split()) for spelling in spelled}  # a message on one line has no other blanks
    shown = {user, host, database, ""}  # a name that is also a password is shown
    query = {name: tuple(values) if len(values) > 1 else values[0] for name, values in options.items()}
    return StorageUrl(
        backend="postgresql",
        url=url(_DRIVER, None if password is None else quote(password, safe=""), options),
        safe=url("postgresql", None if password is None else "***", options.keys() - set(hidden)),
        sqlalchemy=URL.create(_DRIVER, user, password, host or None, port, database or None, query),
        secrets=tuple(sorted(spelled - shown, key=len, reverse=True)),
    )


def _refuse_percents(text: str) -> None:
    if _PERCENT.search(text):
        raise ValueError("it has a % in it that begins no percent-encoding: write %25 for %")
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeError:
        raise ValueError("it has a percent-encoding in it that is no UTF-8: write %25 for %") from None
    if "\0" in decoded:
        raise ValueError("it has a zero byte in it")


def _options(text: str) -> dict[str, list[str]]:
    """The options by name, their values as they were written; those without a value left out."""
    known, secret = _known_options(), _secret_options()
    found: dict[str, list[str]] = {}
    for pair in filter(None, text.split("&")):
        name, equals, raw = pair.partition("=")
        if not equals or name not in known:
            raise ValueError(
                "it has an option that is none of libpq's, which are written NAME=VALUE, in small letters: "
                "write %26 for & and %3D for = in a value"
            )
        if name in secret and "+" in raw:
            raise ValueError("it has a + in a password among its options: write %2B for +, or %20 for a blank")
        if name in found and name not in _SEVERAL:
            raise ValueError("it has an option twice: leave one of them out")
        if raw:
            found.setdefault(name, []).append(raw)
    return found


def _known_options() -> dict[str, bytes]:
    """The options libpq takes, and how it says one should be shown."""
    from psycopg.pq import Conninfo

    return {option.keyword.decode(): option.dispchar for option in Conninfo.get_defaults()}


def _secret_options() -> list[str]:
    """Those in which a password stands, which libpq marks with an asterisk, and keys, which it marks for debugging."""
    return [name for name, shown in _known_options().items() if shown == b"*" or name.endswith("_key")]


def _spellings(password: str) -> Iterator[str]:
    """The password as a URL, a program's literal, JSON or libpq's settings may have it."""
    yield password
    yield quote(password, safe="")
    yield quote_plus(password)
    yield quote(password, safe=" +")  # SQLAlchemy's
    yield quote(quote(password, safe=""), safe="")
    yield repr(password)[1:-1]
    yield ascii(password)[1:-1]
    yield json.dumps(password)[1:-1]
    yield json.dumps(password, ensure_ascii=False)[1:-1]
    yield password.replace("\\", "\\\\").replace("'", "\\'")  # libpq's
