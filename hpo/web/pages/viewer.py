"""Who asks, as the door in front of the pages says: it puts these keys into the request's WSGI environment."""

from typing import Any, Protocol

__all__ = ["CSRF", "NONCE", "USER", "Viewer", "csrf", "nonce", "viewer"]

USER = "hpo.user"
CSRF = "hpo.csrf"
NONCE = "hpo.nonce"


class Viewer(Protocol):
    """A person who is logged in."""

    @property
    def name(self) -> str:
        """As they log in; empty where nobody has to."""

    @property
    def may_write(self) -> bool:
        """Whether they may stop and resume studies."""


class _Anyone:
    """Whom no door has vouched for: may look, may change nothing."""

    name = ""
    may_write = False


def viewer(environ: dict[str, Any]) -> Viewer:
    """Who asks; somebody who may only look where the door says nothing."""
    found: Viewer | None = environ.get(USER)
    return found if found is not None else _Anyone()


def csrf(environ: dict[str, Any]) -> str:
    """The token a change must carry, in the form field `csrf_token` or the header X-CSRF-Token."""
    return str(environ.get(CSRF, ""))


def nonce(environ: dict[str, Any]) -> str:
    """What marks the scripts and styles of this answer as ours, for the door's content security policy."""
    return str(environ.get(NONCE, ""))
