"""Who may log in: a file with a salted hash for each user, and one user out of the environment.

The file is JSON, `{"users": {name: {"password": hash, "write": bool}}}`, readable by its owner alone, and read again
when it has changed: a user who is taken out of it is out at once, and the first one who is put into it closes the
dashboard to all others. A hash is werkzeug's `scrypt:32768:8:1$salt$hash`: 32 MiB of memory and some 0.1 s a try, a
salt of its own each.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shlex
import stat
import threading
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hpo import files
from hpo.errors import UsageError
from hpo.files import expanded, refuse_unwritable, replacing
from hpo.web.security.request_checks import is_loopback

__all__ = ["Account", "Users", "add", "hashed", "known_users", "matches", "read", "refuse_name", "remove", "users_file"]

_LARGEST = 10_000_000  # bytes of a file of users
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)

_LARGEST_PASSWORD_FILE = 10_000  # bytes of a file with a password

_USERS = "HPO_USERS"  # the file of users
_USER, _PASSWORD = "HPO_DASHBOARD_USER", "HPO_DASHBOARD_PASSWORD"
"""One user who may write, without a file; the password may stand in a file that PASSWORD_FILE names."""

_SHORTEST_PASSWORD = 12  # characters, as nothing but the password stands between a stranger and the studies
_LONGEST_PASSWORD = 256  # characters
_DIFFERENT = 5  # characters that differ, at least
_COMMON = ("password", "passwort", "123456789", "qwerty", "letmein", "iloveyou", "changeme", "welcome", "dashboard")

_SALT = 16  # characters
_N, _R = 32768, 8  # scrypt's cost
_MEMORY = 132 * _N * _R  # bytes it may use

_AT_ONCE = threading.BoundedSemaphore(2)
"""So many checks at once, whoever asks: they shall not take all of this machine's memory and cores."""

_NOBODYS = "scrypt:32768:8:1$7dGr2yhsGf3QzWvL$" + "0" * 128
"""What the password of an unknown user is compared with, so that it takes as long as that of a known one."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """One user."""

    name: str
    password: str = field(repr=False)  # the hash
    may_write: bool  # may stop and resume studies, write notes


class Users:
    """All who may log in, as the file says now; threads may share it."""

    def __init__(self, path: Path | None = None, *, besides: Account | None = None, required: bool = True) -> None:
        self.path = path  # None: there is no file
        self._besides = besides  # one who stands in no file; the file's user of that name wins
        self._required = required  # without any, nobody is let in, rather than everybody
        self._seen: tuple[int, ...] | None = None
        self._accounts: Mapping[str, Account] = {}

    def find(self, name: str) -> Account | None:
        """The user of that name; None where there is none.

        Raises:
            UsageError: the file cannot be read any more, so nobody can be let in.

        """
        return self.all().get(name)

    def none_needed(self) -> bool:
        """Whether nobody has to log in now: there is no user, and the server may do without.

        A file that was there and is gone is nobody's word that it may: then it stays closed.

        Raises:
            UsageError: the file is there and cannot be read.

        """
        if self._required or self.all():
            return False
        return self._seen is None or self.path is None or self.path.exists()

    def all(self) -> Mapping[str, Account]:
        """Every user by name.

        Raises:
            UsageError: the file is there and cannot be read.

        """
        besides = {self._besides.name: self._besides} if self._besides else {}
        if self.path is None:
            return besides
        try:
            found = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return besides
        except OSError as error:
            raise _unreadable(self.path, error) from None
        seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        if seen != self._seen:
            self._accounts = read(self.path)
            self._seen = seen
        return {**besides, **self._accounts}


def read(path: Path) -> dict[str, Account]:
    """The users in that file; none where there is no file.

    Raises:
        UsageError: it cannot be read, everybody may write it, or it is no file of users.

    """
    try:
        text = files.read(path, most=_LARGEST)
        mode = path.stat().st_mode
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _unreadable(path, error) from None
    if mode & stat.S_IWOTH:
        raise UsageError(
            f"everybody may write {path}, so anybody could let themselves in: chmod 600 {shlex.quote(str(path))}"
        )
    try:
        return {name: _account(name, entry) for name, entry in json.loads(text)["users"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UsageError(f"{path} is no file of users: hpo dashboard adduser NAME --users FILE makes one") from None


def add(path: Path, name: str, password: str, *, may_write: bool) -> bool:
    """Put a user into the file, made where there is none; whether the user is new, and not given another password.

    Raises:
        UsageError: a name or a password that will not do, or a file that cannot be read or written.

    """
    refuse_name(name)
    _refuse_weak(name, password)
    account = Account(name=name, password=hashed(password), may_write=may_write)
    with _changing(path) as accounts:
        new = name not in accounts
        accounts[name] = account
    return new


def remove(path: Path, name: str) -> None:
    """Take a user out of the file.

    Raises:
        UsageError: there is no such user, or the file cannot be read or written.

    """
    unknown = UsageError(f"there is no user {name!r} in {path}: hpo dashboard users lists them")
    if name not in read(path):  # so nothing is made for it
        raise unknown
    with _changing(path) as accounts:
        if accounts.pop(name, None) is None:
            raise unknown


def refuse_name(name: str) -> None:
    """Refuse what is no user's name.

    Raises:
        UsageError: it is empty, longer than 64 characters, or has others than letters, digits, and . _ @ - in it.

    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name of a user: letters, digits and . _ @ - only, at most 64 of them")


def _unreadable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"the users in {path} cannot be read: {error.strerror or error}")


def _account(name: str, entry: Mapping[str, object]) -> Account:
    kept, may_write = entry["password"], entry["write"]
    if not isinstance(kept, str) or not isinstance(may_write, bool):
        raise TypeError
    return Account(name=name, password=kept, may_write=may_write)


@contextlib.contextmanager
def _changing(path: Path) -> Iterator[dict[str, Account]]:
    """The users, to be changed; written whole when the block ends well, one writer after the other."""
    with contextlib.suppress(OSError):  # said below, by whom it stops
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    refuse_unwritable(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        accounts = read(path)
        yield accounts
        users = {a.name: {"password": a.password, "write": a.may_write} for _, a in sorted(accounts.items())}
        with replacing(path) as beside, os.fdopen(os.open(beside, _NEW, 0o600), "w") as file:
            os.fchmod(file.fileno(), 0o600)  # readable by its owner alone, also where one was left by a crash
            json.dump({"users": users}, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
    finally:
        os.close(folder)


def users_file(asked: Path | None = None) -> Path:
    """The file of users: the one asked for, $HPO_USERS, or hpo/users.json where settings are kept."""
    named = asked or os.environ.get(_USERS)
    if named:
        return expanded(named)
    return expanded(os.environ.get("XDG_CONFIG_HOME") or "~/.config") / "hpo" / "users.json"


def known_users(host: str, asked: Path | None = None, *, proxied: bool = False) -> Users:
    """Who may log in to a server on `host`; where there is nobody, it may do without until there is.

    `proxied`: others than this machine come to it through a proxy before it.

    Raises:
        UsageError: there is nobody, and others than this machine can reach the server, or a file was asked for; or what
            is set cannot be read or will not do.

    """
    path = users_file(asked)
    named = asked is not None or bool(os.environ.get(_USERS))
    users = Users(path, besides=_from_environment(), required=named or proxied or not is_loopback(host))
    if users.none_needed() or users.all():
        return users
    remedy = "hpo dashboard adduser NAME --write" + (f" --users {shlex.quote(str(path))}" if named else "")
    if not is_loopback(host):
        raise UsageError(
            f"on {host or 'all addresses'} anybody in the network could look in, and there is no user: {remedy}, "
            f"set {_USER} and {_PASSWORD}_FILE, or use --host 127.0.0.1"
        )
    if proxied and not named:
        raise UsageError(
            f"whoever reaches the proxy could look in, and there is no user: {remedy}, "
            f"or set {_USER} and {_PASSWORD}_FILE"
        )
    raise UsageError(f"there is no user in {path}: {remedy}")


def _from_environment() -> Account | None:
    name = os.environ.get(_USER, "")
    password, path = os.environ.get(_PASSWORD, ""), os.environ.get(f"{_PASSWORD}_FILE", "")
    if not (name or password or path):
        return None
    if not name or not (password or path):
        raise UsageError(
            f"a user of the environment has {_USER} and {_PASSWORD} or {_PASSWORD}_FILE: one of them is missing"
        )
    if path:
        try:
            password = files.read(expanded(path), most=_LARGEST_PASSWORD_FILE).decode().rstrip("\r\n")
        except (OSError, UnicodeError) as error:
            raise UsageError(
                f"{_PASSWORD}_FILE={path} cannot be read: {getattr(error, 'strerror', 'no text')}"
            ) from None
    refuse_name(name)
    try:
        _refuse_weak(name, password)
    except UsageError as error:
        raise UsageError(f"{_PASSWORD}{'_FILE' if path else ''}: {error}") from None
    return Account(name=name, password=hashed(password, of=name), may_write=True)


def _refuse_weak(name: str, password: str) -> None:
    """Refuse a password that would be guessed.

    Raises:
        UsageError: too short or too long, too few different characters, the user's name, or a common one drawn out.

    """
    if not _SHORTEST_PASSWORD <= len(password) <= _LONGEST_PASSWORD:
        raise UsageError(
            f"the password has {len(password)} characters: {_SHORTEST_PASSWORD} to {_LONGEST_PASSWORD} are needed; "
            "a few words will do"
        )
    if not password.isprintable():
        raise UsageError("the password has a character in it that cannot be typed: give it again")
    lowered = password.lower()
    if len(set(lowered)) < _DIFFERENT:
        raise UsageError(f"the password has fewer than {_DIFFERENT} different characters: choose another one")
    rest = lowered
    for known in (name.lower(), *_COMMON):
        rest = rest.replace(known, "") if known else rest
    if len(rest) < _SHORTEST_PASSWORD // 2:
        raise UsageError("the password is little more than a name or a word everybody tries: choose another one")


def hashed(password: str, *, of: str | None = None) -> str:
    """What is kept of it.

    Args:
        password: as it was given.
        of: name of a user whose password is the same at every start and is kept nowhere: its hash is, too, as a login
            outlives a restart by the hash.

    """
    from werkzeug.security import gen_salt

    salt = hashlib.sha256(of.encode()).hexdigest()[:_SALT] if of is not None else gen_salt(_SALT)
    made = hashlib.scrypt(_same(password).encode(), salt=salt.encode(), n=_N, r=_R, p=1, maxmem=_MEMORY)
    return f"scrypt:{_N}:{_R}:1${salt}${made.hex()}"


def matches(kept: str | None, password: str) -> bool:
    """Whether it is the password of which that is kept; None, of nobody: False, after as long a time."""
    from werkzeug.security import check_password_hash

    with _AT_ONCE:
        try:
            right = check_password_hash(kept or _NOBODYS, _same(password)[: 4 * _LONGEST_PASSWORD])
        except ValueError:  # a method this Python does not know
            right = False
    return right and kept is not None


def _same(password: str) -> str:
    """One spelling for what looks the same, whichever keyboard it was typed on."""
    return unicodedata.normalize("NFKC", password)
