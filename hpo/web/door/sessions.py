"""Who is logged in: kept here, so that a session ends when we say so, whatever a browser still sends."""

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["IDLE_SECONDS", "MOST", "SESSION_SECONDS", "Session", "Sessions"]

SESSION_SECONDS = 12 * 3600.0  # a session lives at most so long
IDLE_SECONDS = 2 * 3600.0  # and so long without a request; an open page asks every few seconds
MOST = 20  # sessions of one user; the oldest goes when another begins


@dataclass(frozen=True, kw_only=True)
class Session:
    """One browser of one user."""

    user: str  # name
    password: str  # the hash it was begun with: a new password ends it
    csrf: str  # the token its changes must carry
    began: float  # by the clock of Sessions


class Sessions:
    """Every session of this process; threads may share it. A restart ends them all."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock  # seconds
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}  # by the digest of what the browser holds
        self._asked: dict[str, float] = {}  # when each was last used

    def begin(self, user: str, password: str) -> str:
        """Begin a session; what the browser shall hold, which nobody else ever sees."""
        held = secrets.token_urlsafe(32)
        session = Session(user=user, password=password, csrf=secrets.token_urlsafe(32), began=self._clock())
        with self._lock:
            for key in [key for key in self._sessions if self._over(key)]:
                self._drop(key)
            for key in [key for key, other in self._sessions.items() if other.user == user][: -(MOST - 1)]:
                self._drop(key)
            self._sessions[_digest(held)] = session
            self._asked[_digest(held)] = session.began
        return held

    def find(self, held: str) -> Session | None:
        """The session a browser holds, which is thereby in use; None where it is over or never was."""
        key = _digest(held)
        with self._lock:
            session = self._sessions.get(key)
            if session is None:
                return None
            if self._over(key):
                self._drop(key)
                return None
            self._asked[key] = self._clock()
            return session

    def end(self, held: str) -> None:
        """End it."""
        with self._lock:
            self._drop(_digest(held))

    def __len__(self) -> int:
        return len(self._sessions)

    def _over(self, key: str) -> bool:
        now = self._clock()
        return now - self._sessions[key].began >= SESSION_SECONDS or now - self._asked[key] >= IDLE_SECONDS

    def _drop(self, key: str) -> None:
        self._sessions.pop(key, None)
        self._asked.pop(key, None)


def _digest(held: str) -> str:
    return hashlib.sha256(held.encode("utf-8", "surrogatepass")).hexdigest()
