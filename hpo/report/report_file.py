"""A report in a file: refused before anything is read where it cannot be written, and written whole or not at all."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from hpo.errors import HpoError, UsageError
from hpo.files import is_device, refuse_unwritable, replacing

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
    if is_device(output):
        raise UsageError(f"{output} is no ordinary file; give another -o")
    refuse_unwritable(output)
    return wanted or said or "html"


def write(output: Path, text: str) -> None:
    """Put `text` in the file `output`, replacing what was there in one step; a link stays a link.

    Raises:
        HpoError: it could not be written; a file that was there is as it was.

    """
    try:
        with replacing(output) as path:
            # Half of a surrogate pair, which a name in a database may hold, has no UTF-8.
            path.write_bytes(text.encode(errors="replace"))
    except OSError as error:
        raise HpoError(f"{output} could not be written: {error.strerror or error}; give another -o") from None
