"""The URL of a server, read as RFC 3986 has it and in no other way.

Readers of URLs differ over what stands unescaped in a password: of `postgresql://me:p@ss@host/db` one takes `p` for the
password and `ss@host` for the host, and shows that to everybody. So what can be read in two ways is refused, and a
refusal says nothing of what was given but its scheme.
"""

import importlib.util
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus, unquote

from sqlalchemy.engine import URL

from hpo.errors import StorageError

__all__ = ["POSTGRES", "ServerUrl", "read"]

POSTGRES = frozenset({"postgres", "postgresql", "postgresql+psycopg", "postgres+psycopg"})

_DRIVER = "postgresql+psycopg"
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
class ServerUrl:
    """Which database of which PostgreSQL server, for whom; nothing in it is percent-encoded any more."""

    user: str | None
    password: str | None = field(repr=False)
    host: str
    port: int | None
    database: str
    options: Mapping[str, tuple[str, ...]] = field(repr=False)  # by libpq's names of them
    written: tuple[str, ...] = field(repr=False)  # passwords as the URL had them

    @property
    def sqlalchemy(self) -> URL:
        """The URL as SQLAlchemy takes it, which has nothing to read in it."""
        query = {name: values if len(values) > 1 else values[0] for name, values in self.options.items()}
        return URL.create(_DRIVER, self.user, self.password, self.host or None, self.port, self.database or None, query)

    @property
    def whole(self) -> str:
        """The URL with its passwords, every sign in them encoded, so that everybody reads it as `read` does."""
        password = None if self.password is None else quote(self.password, safe="")
        return self._rendered(_DRIVER, password, list(self.options))

    @property
    def safe(self) -> str:
        """The URL without its passwords."""
        hidden = _hidden_options()
        password = None if self.password is None else "***"
        return self._rendered("postgresql", password, [name for name in self.options if name not in hidden])

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every spelling of every password in it, longest first; none that is also a name, which `safe` shows."""
        passwords = [value for name in _hidden_options() for value in self.options.get(name, ())]
        if self.password:
            passwords.append(self.password)
        spellings = {*self.written, *(s for password in passwords for s in _spellings(password))}
        spellings |= {" ".join(spelling.split()) for spelling in spellings}  # a message on one line has no other blanks
        shown = {self.user, self.host, self.database, ""}
        return tuple(sorted(spellings - shown, key=len, reverse=True))

    def _rendered(self, scheme: str, password: str | None, options: list[str]) -> str:
        user = "" if self.user is None else quote(self.user, safe="")
        login = user if password is None else f"{user}:{password}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        pairs = [f"{name}={quote(value, safe='/')}" for name in sorted(options) for value in self.options[name]]
        return "".join(
            [
                f"{scheme}://",
                f"{login}@" if self.user is not None else "",
                host,
                "" if self.port is None else f":{self.port}",
                f"/{quote(self.database)}" if self.database else "",
                f"?{'&'.join(pairs)}" if pairs else "",
            ]
        )


def read(text: str) -> ServerUrl:
    """Read the URL of a PostgreSQL server.

    Raises:
        ValueError: it can be read in no way, or in two; its text is the reason, and quotes nothing.
        StorageError: the driver is not installed.

    """
    if importlib.util.find_spec("psycopg") is None:
        raise StorageError("PostgreSQL needs the psycopg driver: pip install 'hpo-service[postgres]'")
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
    options = _options(found["options"] or "")
    hidden = [raw for name in _hidden_options() for raw in options.get(name, ())]
    return ServerUrl(
        user=_decoded(found["user"]),
        password=_decoded(found["password"]),
        host=found["host"].strip("[]"),
        port=port,
        database=_decoded(found["database"]) or "",
        options={name: tuple(unquote(raw.replace("+", " ")) for raw in raws) for name, raws in options.items()},
        written=tuple(filter(None, [found["password"], *hidden])),
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


def _hidden_options() -> list[str]:
    """Those and `options`, in which any setting of the server may stand."""
    return [*_secret_options(), "options"]


def _decoded(part: str | None) -> str | None:
    return None if part is None else unquote(part)


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
