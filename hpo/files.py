"""Files written whole or not at all: by whoever reads one while it is replaced, by a full disk, by a kill."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hpo.errors import UsageError

__all__ = ["is_device", "refuse_unwritable", "replacing"]


def is_device(path: Path) -> bool:
    """Whether `path` is there and no ordinary file, such as /dev/null or a pipe: written to rather than replaced."""
    return path.exists() and not path.is_file()


def refuse_unwritable(output: Path) -> None:
    """Refuse a file that `replacing` could not write, before the work that fills it; nothing is left behind.

    Raises:
        UsageError: there is no such folder, nothing can be written in it, or the file is there and not to be written.

    """
    target = Path(os.path.realpath(output))
    if is_device(target):
        return
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder {target.parent} to write {target.name} in; create it first")
    if target.exists() and not os.access(target, os.W_OK):  # replacing it would need no right to write it
        raise UsageError(f"{output} may not be written; give another -o")
    try:
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise UsageError(f"cannot write in {target.parent}: {error.strerror or error}; give another -o") from None


@contextlib.contextmanager
def replacing(output: Path) -> Iterator[Path]:
    """Where to write what shall be in the file `output`: it takes its place in one step when the block ends well.

    Otherwise what was there is as it was, and nothing is left beside it. The path has the suffix of `output`, by which
    some writers tell the format. A link stays a link; a device is written to itself.

    Raises:
        OSError: the file could not be put in its place.

    """
    target = Path(os.path.realpath(output))
    if is_device(target):
        yield target
        return
    beside = target.with_name(f".{target.stem}.{os.getpid()}.part{target.suffix}")  # one step needs the same folder
    try:
        yield beside
        beside.replace(target)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()
