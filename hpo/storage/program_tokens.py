"""Tokens by which programs are known: what each may do, until when, and how many trials it may still open.

A token is a text that only its bearer has, `hpo_ID_SECRET`; of the secret, 256 bits by chance, only a hash is kept, and
none that is slow, as nobody can guess it. What a token opens is counted in the transaction that opens it, so that no
number of requests at once opens more than its budget.
"""

import hashlib
import hmac
import re
import secrets
import shlex
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from hpo.errors import HpoError, UsageError
from hpo.storage import Storage, schema
from hpo.storage.slots.slot import UNSETTLED
from hpo.storage.waiting import repeatable

__all__ = ["BudgetError", "CrowdedError", "Scope", "Token", "charge", "create", "find", "list_all", "revoke"]

Scope = Literal["read", "write"]
"""Look at studies; and stop, resume and submit them as well."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)
_TEXT = re.compile(r"hpo_([1-9]\d{0,17})_([A-Za-z0-9_-]{43})", re.ASCII)
_MOST = 1_000_000  # trials of a budget: of all studies together
_NOBODYS = hashlib.sha256(b"").hexdigest()  # what a secret is compared with whose token is not there

_token, _slot = schema.tokens, schema.slots


class BudgetError(HpoError):
    """A token would open more trials than it may."""


class CrowdedError(HpoError):
    """So many trials are waiting already that none are added now."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """What is kept of a token."""

    name: str
    scope: Scope
    budget: int  # trials it may open in all
    spent: int  # trials it has opened
    created_at: datetime  # UTC
    expires_at: datetime  # UTC

    @property
    def left(self) -> int:
        """Trials it may still open."""
        return max(0, self.budget - self.spent)

    @property
    def expired(self) -> bool:
        """Whether it lets nobody in any more."""
        return self.expires_at <= datetime.now(UTC)


def create(storage: Storage, name: str, *, scope: Scope, budget: int, seconds: float) -> str:
    """Make a token; its text, which is told here alone.

    Args:
        storage: of the dashboards that shall know it.
        name: by which people know it; letters, digits and . _ @ -
        scope: what it may do.
        budget: trials it may open in all; 0 where it only reads.
        seconds: for which it is good.

    Raises:
        UsageError: the name will not do or is taken, or a number is out of range.
        StorageError: the database failed.

    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r:.80} is no name of a token: letters, digits and . _ @ - only, at most 64 of them")
    if scope not in get_args(Scope):
        raise UsageError(f"there is no scope {scope!r}; there are: {', '.join(get_args(Scope))}")
    if not 0 <= budget <= _MOST:
        raise UsageError(f"a budget is from 0 to {_MOST:,} trials, not {budget:,}")
    if budget and scope == "read":
        raise UsageError("a token that reads opens no trials: leave --budget out, or give --scope write")
    secret, now = secrets.token_urlsafe(32), time.time()
    values = {"name": name, "hash": _hashed(secret), "scope": scope, "budget": budget, "spent": 0, "created_at": now}
    with storage.exclusive() as connection:
        if connection.scalar(select(_token.c.id).where(_token.c.name == name)) is not None:
            raise UsageError(
                f"there is a token {name!r} already: choose another name, or hpo dashboard token revoke "
                f"{shlex.quote(name)}"
            )
        row = insert(_token).values(**values, expires_at=now + seconds).returning(_token.c.id)
        return f"hpo_{connection.execute(row).scalar_one()}_{secret}"


@repeatable
def find(storage: Storage, text: str) -> Token | None:
    """The token of that text; None where it is none, is over, or was revoked. Raises StorageError."""
    split = _TEXT.fullmatch(text)
    if split is None:
        return None
    with storage.read() as connection:
        row = connection.execute(select(_token).where(_token.c.id == int(split[1]))).one_or_none()
    right = hmac.compare_digest(_hashed(split[2]), _NOBODYS if row is None else row.hash)
    if row is None or not right:
        return None
    found = _read(row)
    return None if found.expired else found


@repeatable
def list_all(storage: Storage) -> list[Token]:
    """Every token by name, those that are over too. Raises StorageError."""
    with storage.read() as connection:
        return [_read(row) for row in connection.execute(select(_token).order_by(_token.c.name))]


def revoke(storage: Storage, name: str) -> None:
    """Let nobody in by that token any more; what it opened stays.

    Raises:
        UsageError: there is no such token.
        StorageError: the database failed.

    """
    with storage.exclusive() as connection:
        if not connection.execute(delete(_token).where(_token.c.name == name)).rowcount:
            there = ", ".join(connection.scalars(select(_token.c.name).order_by(_token.c.name).limit(10)))
            raise UsageError(f"there is no token {name!r}; there is: {there or 'none'}")


def charge(connection: Connection, name: str, trials: int, *, most_open: int) -> None:
    """Have a token pay for trials, within the exclusive transaction that has just opened them.

    Args:
        connection: of that transaction, which has to be undone where this raises.
        name: of the token.
        trials: that were opened.
        most_open: trials that may be open in all studies together; a token adds none beyond.

    Raises:
        BudgetError: it has not so many left, or was revoked or came to its end meanwhile.
        CrowdedError: more trials would be open than may be.

    """
    if not trials:
        return
    mine = (_token.c.name == name, _token.c.scope == "write", _token.c.expires_at > time.time())
    pays = update(_token).where(*mine, _token.c.spent + trials <= _token.c.budget)
    if not connection.execute(pays.values(spent=_token.c.spent + trials)).rowcount:
        left = connection.scalar(select(_token.c.budget - _token.c.spent).where(*mine)) or 0
        raise BudgetError(
            f"that takes {trials:,} new trials, on all rungs together, and token {name!r} may open {left:,} more: ask "
            "for fewer, or for another token (hpo dashboard token create NAME --scope write --budget TRIALS)"
        )
    there = connection.scalar(select(func.count()).select_from(_slot).where(UNSETTLED)) or 0
    if there > most_open:
        raise CrowdedError(
            f"{there - trials:,} trials are open already and {trials:,} more would be beyond {most_open:,}, the most "
            "that programs may have open here: wait until some are done, or start hpo dashboard with --most-open"
        )


def _read(row: Row[tuple[object, ...]]) -> Token:
    kept = {name: value for name, value in row._mapping.items() if name not in ("id", "hash")}
    times = {name: datetime.fromtimestamp(kept[name], UTC) for name in ("created_at", "expires_at")}
    return Token(**{**kept, **times})


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
