"""A study in a file for other programs: CSV, JSON or Parquet, written whole or not at all."""

from pathlib import Path
from typing import IO

from hpo.errors import HpoError, UsageError
from hpo.experiments.export import formats
from hpo.experiments.export.formats import FORMATS
from hpo.experiments.export.trial_records import read
from hpo.files import refuse_unwritable, replacing
from hpo.storage import Storage

__all__ = ["check", "export", "write"]


def check(output: Path | None, wanted: str | None = None) -> str:
    """The format to write, before anything is read.

    Args:
        output: file to write; None: a stream.
        wanted: one of FORMATS; None: as the file's name says, CSV for a stream.

    Raises:
        UsageError: the format is unknown, cannot be told, or the file cannot be written.
        HpoError: the format is parquet, and pyarrow is not installed.

    """
    known = ", ".join(FORMATS)
    if wanted is not None and wanted not in FORMATS:
        raise UsageError(f"there is no format {wanted!r}; there are: {known}")
    if output is None:
        if wanted == "parquet":
            raise UsageError("parquet is no text for stdout: name a file with -o, or take csv or json")
        return wanted or "csv"
    if output.is_dir():
        raise UsageError(f"{output} is a folder; name a file in it, such as {output / 'trials.csv'}")
    kind = wanted or output.suffix.removeprefix(".").lower()
    if kind not in FORMATS:
        raise UsageError(
            f"the name {output} does not tell the format: end it in .csv, .json or .parquet, or add --format"
        )
    if kind == "parquet":
        _refuse_without_pyarrow()
    refuse_unwritable(output)
    return kind


def _refuse_without_pyarrow() -> None:
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise HpoError(
            f"parquet needs pyarrow: pip install 'hpo-service[parquet]', or take csv or json ({error})"
        ) from error


def export(storage: Storage, word: str, output: Path, kind: str) -> int:
    """Write every trial of a study to a file, which is replaced in one step; how many trials that were.

    Args:
        storage: where the study is.
        word: its name, or that of its definition.
        output: the file.
        kind: from `check`.

    Raises:
        StudyError: there is no such study.
        HpoError: the file could not be written; one that was there is as it was.

    """
    record, found = read(storage, word)
    try:
        with replacing(output) as path, path.open("wb") as stream:
            formats.write(record, found, stream, kind)
    except OSError as error:
        raise HpoError(f"{output} could not be written: {error.strerror or error}; give another -o") from None
    return len(found)


def write(storage: Storage, word: str, stream: IO[bytes], kind: str) -> int:
    """Write every trial of a study to an open stream; how many trials that were. Raises StudyError."""
    record, found = read(storage, word)
    formats.write(record, found, stream, kind)
    return len(found)
