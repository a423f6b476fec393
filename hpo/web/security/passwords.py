"""Passwords: which are refused, how one is kept, and how a given one is checked.

What is kept is werkzeug's `scrypt:32768:8:1$salt$hash`: 32 MiB of memory and some 0.1 s a try, a salt of its own each.
"""

import hashlib
import threading
import unicodedata

from hpo.errors import UsageError

__all__ = ["LONGEST", "SHORTEST", "hashed", "matches", "refuse_weak"]

SHORTEST = 12  # characters, as nothing but the password stands between a stranger and the studies
LONGEST = 256  # characters
_DIFFERENT = 5  # characters that differ, at least
_COMMON = ("password", "passwort", "123456789", "qwerty", "letmein", "iloveyou", "changeme", "welcome", "dashboard")

_SALT = 16  # characters
_N, _R = 32768, 8  # scrypt's cost
_MEMORY = 132 * _N * _R  # bytes it may use

_AT_ONCE = threading.BoundedSemaphore(2)
"""So many checks at once, whoever asks: they shall not take all of this machine's memory and cores."""

_NOBODYS = "scrypt:32768:8:1$7dGr2yhsGf3QzWvL$" + "0" * 128
"""What the password of an unknown user is compared with, so that it takes as long as that of a known one."""


def refuse_weak(name: str, password: str) -> None:
    """Refuse a password that would be guessed.

    Raises:
        UsageError: too short or too long, too few different characters, the user's name, or a common one drawn out.

    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise UsageError(
            f"the password has {len(password)} characters: {SHORTEST} to {LONGEST} are needed; a few words will do"
        )
    if not password.isprintable():
        raise UsageError("the password has a character in it that cannot be typed: give it again")
    lowered = password.lower()
    if len(set(lowered)) < _DIFFERENT:
        raise UsageError(f"the password has fewer than {_DIFFERENT} different characters: choose another one")
    rest = lowered
    for known in (name.lower(), *_COMMON):
        rest = rest.replace(known, "") if known else rest
    if len(rest) < SHORTEST // 2:
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
            right = check_password_hash(kept or _NOBODYS, _same(password)[: 4 * LONGEST])
        except ValueError:  # a method this Python does not know
            right = False
    return right and kept is not None


def _same(password: str) -> str:
    """One spelling for what looks the same, whichever keyboard it was typed on."""
    return unicodedata.normalize("NFKC", password)
