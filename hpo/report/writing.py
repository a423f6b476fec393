"""A report in a file: refused before anything is read where it cannot be written, and written whole or not at all."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from hpo.errors import HpoError, UsageError

__all__ = ["FORMATS", "format_of", "write"]

FORMATS: Mapping[str, tuple[str, ...]] = MappingProxyType({"html": (".html", ".htm"), "markdown": (".md", ".markdown")})
"""Format -> the suffixes that mean it."""


def format_of(output: Path, wanted: str | None = None) -> str:
    """The format to write `output` in: the one wanted, or the one its name says.

    Raises:
        UsageError: there is no such format, the name says none or another one, or nothing can be written there.

    """
    if wanted is not None and wanted not in FORMATS:
        raise UsageError(f"there is no format {wanted!r}; there are: {', '.join(FORMATS)}")
    if output.is_dir():
        raise UsageError(f"{output} is a folder; name a file in it, such as {output / 'report.html'}")
    suffix = output.suffix.lower()
    said = next((name for name, suffixes in FORMATS.items() if suffix in suffixes), None)
    if wanted is None and said is None:
        raise UsageError(f"the name {output} does not tell the format: end it in .html or .md, or add --format")
    if wanted is not None and said not in (None, wanted):
        raise UsageError(
            f"{output} is named as {said}, not {wanted}: end it in {FORMATS[wanted][0]}, or leave --format"
        )
    _refuse_unwritable(output)
    return wanted or said or "html"


def write(output: Path, text: str) -> None:
    """Put `text` in the file `output`, replacing what was there in one step; a link stays a link.

    Raises:
        HpoError: it could not be written; a file that was there is as it was.

    """
    target = Path(os.path.realpath(output))
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        # Half of a surrogate pair, which a name in a database may hold, has no UTF-8.
        beside.write_bytes(text.encode(errors="replace"))
        beside.replace(target)
    except OSError as error:
        raise HpoError(f"{output} could not be written: {error.strerror or error}; give another -o") from None
    finally:
        beside.unlink(missing_ok=True)


def _refuse_unwritable(output: Path) -> None:
    target = Path(os.path.realpath(output))
    if target.exists() and not target.is_file():
        raise UsageError(f"{output} is no ordinary file; give another -o")
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder {target.parent}; create it first")
    try:
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise UsageError(f"cannot write in {target.parent}: {error.strerror or error}; give another -o") from None
