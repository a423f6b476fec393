"""A study in a file for other programs: CSV, JSON or Parquet, written whole or not at all."""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from hpo.errors import HpoError, UsageError
from hpo.experiments.trial_records import ExportedTrial, read
from hpo.files import refuse_unwritable, replacing
from hpo.json_values import plain
from hpo.storage import Storage
from hpo.storage.studies import StudyRecord

if TYPE_CHECKING:
    import pyarrow

__all__ = ["FORMATS", "check", "columns", "export", "write", "write_trials"]

FORMATS = ("csv", "json", "parquet")  # of a table to RFC 4180, one document with the study, a table with types

_PARAMS, _ATTRIBUTES = "params_", "attributes_"  # before a column's name, as in Optuna's own data frames
_ACTIVE = "active_"  # before the name of a parameter: whether the trial has it
_NOT_IN_TABLES = ("params", "attributes", "curve")
_PLAIN = tuple(field.name for field in fields(ExportedTrial) if field.name not in _NOT_IN_TABLES)

# What begins a formula in Excel, LibreOffice or Google Sheets, their full-width forms too, perhaps after white space
# and quotes, which some of them drop; and what some drop at the beginning of a cell (OWASP, CSV Injection).
_FORMULA = re.compile(r"[\t\r\n]|[\s'\"\ufeff]*[=+\-@＝＋－＠]")


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
            write_trials(record, found, stream, kind)
    except OSError as error:
        raise HpoError(f"{output} could not be written: {error.strerror or error}; give another -o") from None
    return len(found)


def write(storage: Storage, word: str, stream: IO[bytes], kind: str) -> int:
    """Write every trial of a study to an open stream; how many trials that were. Raises StudyError."""
    record, found = read(storage, word)
    write_trials(record, found, stream, kind)
    return len(found)


def write_trials(record: StudyRecord, found: Sequence[ExportedTrial], stream: IO[bytes], kind: str) -> None:
    """Write the trials of a study, and for JSON and Parquet the study itself, in one of FORMATS."""
    if kind == "json":
        document = {"study": _study(record), "trials": [asdict(trial) for trial in found]}
        # Half a surrogate pair has no UTF-8, but an escape that every JSON reader knows.
        text = json.dumps(plain(document), indent=1, ensure_ascii=False, allow_nan=False)
        stream.write(text.encode(errors="backslashreplace") + b"\n")
        return
    if kind == "parquet":
        _write_parquet(record, columns(found), stream)
    else:
        _write_csv(columns(found), stream)


def columns(found: Sequence[ExportedTrial]) -> dict[str, list[Any]]:
    """Name -> one entry a trial: what every trial has, then parameters, then attributes; None where one has none.

    A parameter one of whose values looks like none has a column beside its own that says which trials have it. None as
    a text of its own would make a text of every number in the column, and pandas reads that text as none again.
    """
    table: dict[str, list[Any]] = {name: [getattr(trial, name) for trial in found] for name in _PLAIN}
    for name in _in_order(trial.params for trial in found):
        table[_PARAMS + name] = [trial.params.get(name) for trial in found]
        if any(trial.params.get(name, 0) in (None, "") for trial in found):
            table[_ACTIVE + name] = [name in trial.params for trial in found]
    for name in sorted({name for trial in found for name in trial.attributes}):
        table[_ATTRIBUTES + name] = [trial.attributes.get(name) for trial in found]
    return table


def _in_order(configurations: Iterable[Mapping[str, Any]]) -> list[str]:
    """The names of all, each after the one it follows where it is first seen: conditional ones stay in their place."""
    order: list[str] = []
    for names in dict.fromkeys(tuple(params) for params in configurations):
        place = 0
        for name in names:
            if name not in order:
                order.insert(place, name)
            place = order.index(name) + 1
    return order


def _write_csv(table: Mapping[str, Sequence[Any]], stream: IO[bytes]) -> None:
    text = io.TextIOWrapper(stream, encoding="utf-8", errors="backslashreplace", newline="")
    writer = csv.writer(text)  # ends lines in CR LF and so quotes both
    writer.writerow(map(_harmless, table))
    writer.writerows(zip(*([_csv_cell(entry) for entry in column] for column in table.values()), strict=True))
    text.detach()


def _csv_cell(entry: Any) -> str:
    """As in every table, and texts are no formulas: numbers, negative ones too, stay as they are."""
    cell = _cell(entry)
    return _harmless(cell) if isinstance(entry, str) else cell


def _cell(entry: Any) -> str:
    if entry is None:
        return ""
    if isinstance(entry, str):
        return entry
    if isinstance(entry, datetime):
        return entry.isoformat()
    if isinstance(entry, float):
        return repr(entry)  # the shortest text that reads back as the same number
    return json.dumps(plain(entry), ensure_ascii=False)


def _write_parquet(record: StudyRecord, told: Mapping[str, Sequence[Any]], stream: IO[bytes]) -> None:
    import pyarrow
    from pyarrow import parquet

    kinds = {
        **dict.fromkeys(("number", "seed", "rung", "position", "attempt"), pyarrow.int64()),
        **dict.fromkeys(("value", "seconds"), pyarrow.float64()),
        **dict.fromkeys(("state", "outcome", "fidelity", "worker", "reason"), pyarrow.string()),
        **dict.fromkeys(("started_at", "ended_at"), pyarrow.timestamp("us", tz="UTC")),
    }
    arrays = [_array(column, kinds.get(name)) for name, column in told.items()]
    table = pyarrow.table(arrays, names=[_encodable(name) for name in told])
    study = json.dumps(plain(_study(record)))
    parquet.write_table(table.replace_schema_metadata({"study": study}), stream)


def _array(column: Sequence[Any], kind: "pyarrow.DataType | None") -> "pyarrow.Array":
    """One column in the narrowest type that holds it all; what fits none, a mixture or a list, as text."""
    import pyarrow

    seen = {type(entry) for entry in column if entry is not None}
    if kind is None:
        if seen == {bool}:
            kind = pyarrow.bool_()
        elif any(isinstance(entry, int) and not -(2**63) <= entry < 2**63 for entry in column):
            kind = pyarrow.string()  # no type of theirs has a number so large
        elif seen == {int}:
            kind = pyarrow.int64()
        elif float in seen and seen <= {int, float}:
            kind = pyarrow.float64()
            column = [None if entry is None else float(entry) for entry in column]
        else:
            kind = pyarrow.string()
    if pyarrow.types.is_string(kind):
        column = [None if entry is None else _encodable(_cell(entry)) for entry in column]
    return pyarrow.array(column, kind)


def _study(record: StudyRecord) -> dict[str, Any]:
    """What is told of the study: all that was asked for when it was made."""
    told = {field.name: getattr(record, field.name) for field in fields(record) if field.name != "id"}
    return {**told, "created_at": datetime.fromtimestamp(record.created_at, UTC).isoformat()}


def _encodable(text: str) -> str:
    """`text` with an escape for each half of a surrogate pair."""
    return text.encode(errors="backslashreplace").decode()


def _harmless(text: str) -> str:
    """The text after an apostrophe where it would be taken for a formula; else as it is.

    A cell that begins with an apostrophe and would be a formula without it is the text behind that apostrophe: no text
    is written so by itself, as quotes before a formula are an apostrophe more.
    """
    return f"'{text}" if _FORMULA.match(text) else text
