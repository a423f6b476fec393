"""Files, read and written: no pipe or device is waited for, and a file is written whole or not at all.

Not at all means: by whoever reads one while it is replaced, by a full disk, by a kill.
"""

import contextlib
import errno
import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hpo.errors import UsageError

__all__ = ["expanded", "folder_name", "is_device", "read", "refuse_unwritable", "replacing"]

_NO_FOLDER = re.compile(r"[^\w.-]+")
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path with the home folder in place of ~ or ~NAME.

    Raises:
        UsageError: nobody has that name here.

    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        name = os.fspath(path).partition("/")[0]
        raise UsageError(
            f"{os.fspath(path)!r}: there is no home folder {name!r} here; write the path in full"
        ) from None


def read(path: Path, *, most: int) -> bytes:
    """What is in an ordinary file.

    Args:
        path: of the file.
        most: bytes it may have.

    Raises:
        OSError: it cannot be read, is no ordinary file, or is larger.

    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # of a pipe nobody writes, it would wait
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"it is {_kind(mode)}, not a file", str(path))
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most / 1e6:g} MB", str(path))
    return content


def _kind(mode: int) -> str:
    return _KINDS.get(stat.S_IFMT(mode), "something else")


def folder_name(name: str) -> str:
    """A name for a folder of what is called so, another for each."""
    plain = _NO_FOLDER.sub("_", name)[:100].strip(".")
    return plain if plain == name else f"{plain or 'study'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def is_device(path: Path) -> bool:
    """Whether `path` is there and no ordinary file, such as /dev/null or a pipe: written to rather than replaced."""
    return path.exists() and not path.is_file()


def refuse_unwritable(output: Path) -> None:
    """Refuse a file that `replacing` could not write, before the work that fills it; nothing is left behind.

    Raises:
        UsageError: there is no such folder, nothing can be written in it, the file is there and not to be written, or
            it is a folder, a socket, or a pipe that nobody reads.

    """
    target = Path(os.path.realpath(output))
    if is_device(target):
        _refuse_silent(target, output)
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


def _refuse_silent(target: Path, output: Path) -> None:
    """Refuse what is there, is no file, and would have us wait, or cannot be written at all."""
    kind = _kind(target.stat().st_mode)
    try:
        if kind not in ("a folder", "a socket"):
            os.close(os.open(target, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY))
            return
    except OSError as error:
        kind = f"{kind} that nobody reads" if error.errno == errno.ENXIO else f"{kind} that may not be written"
    raise UsageError(f"{output} is {kind}; give another -o")


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
