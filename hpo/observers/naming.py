"""What `--observe` takes, and which observer that is: NAME:TARGET, or FILE.py:CLASS of somebody's own."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from hpo.errors import DefinitionError, UsageError
from hpo.messages import did_you_mean
from hpo.observers.destinations.destination import Destination
from hpo.observers.observer import Observer
from hpo.study import registry

__all__ = ["ENVIRONMENT", "GROUP", "Named", "asked", "key_of", "make", "parse"]

GROUP = "hpo.observers"
"""The entry-point group installed observers are found under."""

ENVIRONMENT = "HPO_OBSERVE"
"""More of them, separated by blanks or line ends, as a URL may have a comma."""

_OURS = {
    "apprise": "hpo.observers.destinations.notifications:Notifications",
    "mlflow": "hpo.observers.destinations.mlflow_runs:MlflowRuns",
    "tensorboard": "hpo.observers.destinations.tensorboard_files:TensorBoardFiles",
    "wandb": "hpo.observers.destinations.wandb_runs:WandbRuns",
    "webhook": "hpo.observers.destinations.webhook:Webhook",
}


@dataclass(frozen=True, kw_only=True)
class Named:
    """An observer by its name, which any process can make."""

    text: str = field(repr=False)  # as `make` takes it; may hold a password
    shown: str  # what may be printed of it

    @property
    def key(self) -> str:
        """What it is known by in the database."""
        return key_of(self.text)


def key_of(text: str) -> str:
    """A digest of what names an observer, which may hold a secret."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def asked(texts: Iterable[str] | None) -> tuple[Named, ...]:
    """Those asked for and those of the environment, each once. Raises UsageError."""
    words = [*(texts or ()), *os.environ.get(ENVIRONMENT, "").split()]
    return tuple(dict.fromkeys(parse(word) for word in words))


def parse(text: str) -> Named:
    """The observer of that name, which is not made yet.

    Raises:
        UsageError: there is none of that name, its target can be none, or the package it needs is not installed.

    """
    name, _, target = text.strip().partition(":")
    if name in _OURS:
        kind = _ours(name)
        kind.refuse_without_package()
        if not target.strip():
            raise UsageError(f"--observe {name} lacks its target: write {name}:TARGET")
        target = kind.checked(target.strip())
        return Named(text=f"{name}:{target}", shown=f"{name}:{kind.shown(target)}")
    if _is_reference(name):
        its, _ = _split(text.strip())
        reference = registry.reference(its)
        return Named(text=reference + text.strip()[len(its) :], shown=its)
    if name in _installed():
        return Named(text=text.strip(), shown=name)
    known = sorted({*_OURS, *_installed()})
    there = did_you_mean(name, known, f"there are: {', '.join(known)}")
    raise UsageError(f"there is no observer {name!r:.60}; {there}; one of your own is named FILE.py:CLASS")


def make(text: str) -> Observer:
    """The observer of a name that `parse` gave.

    Raises:
        UsageError: there is no such file or module.
        DefinitionError: it cannot be loaded, or is no observer.
        Exception: whatever its own code raises.

    """
    name, _, target = text.partition(":")
    if name in _OURS:
        return _ours(name)(target)
    if _is_reference(name):
        reference, rest = _split(text)
        kind, given = registry.attribute(reference), [rest] if rest else []
    else:
        kind, given = _installed()[name].load(), [target] if target else []
    if not callable(kind):
        raise DefinitionError(f"{name} is a {type(kind).__name__}, not a subclass of hpo.Observer")
    made = kind(*given)
    if not isinstance(made, Observer):
        raise DefinitionError(f"{name} makes a {type(made).__name__}, which is no hpo.Observer")
    return made


def _ours(name: str) -> type[Destination]:
    module, _, attribute = _OURS[name].partition(":")
    found: type[Destination] = getattr(import_module(module), attribute)
    return found


def _installed() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        found.setdefault(point.name, point)
    return found


def _is_reference(name: str) -> bool:
    return any(sign in name for sign in "./\\")


def _split(text: str) -> tuple[str, str]:
    """The reference of a class, and what follows it."""
    parts: Sequence[str] = text.split(":", 2)
    return ":".join(parts[:2]), parts[2] if len(parts) > 2 else ""
