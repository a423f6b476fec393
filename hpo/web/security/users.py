"""Who may log in: a file with a salted hash for each user, and one user out of the environment.

The file is JSON, `{"users": {name: {"password": hash, "write": bool}}}`, readable by its owner alone, and read again
when it has changed: a user who is taken out of it is out at once, and the first one who is put into it closes the
dashboard to all others.
"""

import contextlib
import fcntl
import json
import os
import re
import shlex
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hpo import files
from hpo.errors import UsageError
from hpo.files import refuse_unwritable, replacing
from hpo.web.security import passwords

__all__ = ["Account", "Users", "add", "read", "refuse_name", "remove"]

_LARGEST = 10_000_000  # bytes of a file of users
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)


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
    passwords.refuse_weak(name, password)
    account = Account(name=name, password=passwords.hashed(password), may_write=may_write)
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
