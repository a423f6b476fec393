"""What an observer that comes with hpo says of itself before it is made: what it needs, and where it writes."""

import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from hpo.errors import UsageError
from hpo.observers.observer import Observer

__all__ = ["Destination", "refuse_unusable"]

_ROOM = 1 << 20  # bytes; about what a trial or an empty database takes


class Destination(Observer):
    """An observer with one target: a folder, a URL, a name."""

    needs: ClassVar[tuple[str, str] | None] = None  # a package, and the extra of hpo-service that brings it

    def __init__(self, target: str) -> None:
        self.target = target

    @classmethod
    def checked(cls, target: str) -> str:
        """The target as any process may use it. Raises UsageError where there can be none such."""
        return target

    @classmethod
    def shown(cls, target: str) -> str:
        """The target as it may be printed: of a URL neither user nor path, which may be secrets."""
        try:
            url = urlsplit(target)
        except ValueError:
            return "…"
        if not url.scheme or "://" not in target:
            return target
        port = f":{url.port}" if _has_port(target) else ""
        return f"{url.scheme}://{url.hostname or ''}{port}{'/…' if url.path.strip('/') else ''}"

    @classmethod
    def refuse_without_package(cls) -> None:
        """Refuse where what it needs is not installed. Raises UsageError."""
        if cls.needs is not None and find_spec(cls.needs[0]) is None:
            package, extra = cls.needs
            raise UsageError(
                f"{package} is not installed, which this observer needs: pip install 'hpo-service[{extra}]'"
            )


def refuse_unusable(folder: Path) -> None:
    """Make a folder where it is not there, and refuse one in which nothing can be kept, as its disk is away or full.

    For packages that would wait then, or go elsewhere, or write nothing. Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as probe:
        probe.write(bytes(_ROOM))


def _has_port(target: str) -> bool:
    try:
        return urlsplit(target).port is not None
    except ValueError:
        return False
