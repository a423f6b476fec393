"""A study in a file for other programs: CSV, JSON or Parquet, written whole or not at all."""

import csv
import io
import json
import math
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from hpo.errors import HpoError, UsageError
from hpo.service.exported import ExportedTrial, read
from hpo.service.storage import Storage
from hpo.service.studies import StudyRecord

if TYPE_CHECKING:
    import pyarrow

__all__ = ["FORMATS", "check", "export", "write"]

FORMATS: Mapping[str, str] = {
    "csv": "a table, RFC 4180",
    "json": "one document: the study and its trials",
    "parquet": "a table with types",
}

_PARAMS, _ATTRIBUTES = "params_", "attributes_"  # before a column's name, as in Optuna's own data frames
_NOT_IN_TABLES = ("params", "attributes", "curve")
_PLAIN = tuple(field.name for field in fields(ExportedTrial) if field.name not in _NOT_IN_TABLES)


def check(output: Path | None, wanted: str | None = None) -> str:
    """The format to write, before anything is read.

    Args:
        output: file to write; None: a stream.
        wanted: one of FORMATS; None: as the file's name says, CSV for a stream.

    Raises:
        UsageError: the format is unknown, cannot be told, or the file cannot be written.

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
    _refuse_unwritable(output)
    return kind


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
    target = Path(os.path.realpath(output))  # a link stays one
    beside = target if _is_device(target) else target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as stream:
            _write(record, found, stream, kind)
        if beside is not target:
            beside.replace(target)
    except OSError as error:
        raise HpoError(f"{output} could not be written: {error.strerror or error}; give another -o") from None
    finally:
        if beside is not target:
            beside.unlink(missing_ok=True)
    return len(found)


def write(storage: Storage, word: str, stream: IO[bytes], kind: str) -> int:
    """Write every trial of a study to an open stream; how many trials that were. Raises StudyError."""
    record, found = read(storage, word)
    _write(record, found, stream, kind)
    return len(found)


def _write(record: StudyRecord, found: Sequence[ExportedTrial], stream: IO[bytes], kind: str) -> None:
    if kind == "json":
        document = {"study": _study(record), "trials": [asdict(trial) for trial in found]}
        # Half a surrogate pair has no UTF-8, but an escape that every JSON reader knows.
        text = json.dumps(_jsonable(document), indent=1, ensure_ascii=False, allow_nan=False)
        stream.write(text.encode(errors="backslashreplace") + b"\n")
        return
    columns = _columns(found)
    if kind == "parquet":
        _write_parquet(record, columns, stream)
    else:
        _write_csv(columns, stream)


def _columns(found: Sequence[ExportedTrial]) -> dict[str, list[Any]]:
    """Name -> one entry a trial: what every trial has, then parameters, then attributes; None where one has none."""
    columns: dict[str, list[Any]] = {name: [getattr(trial, name) for trial in found] for name in _PLAIN}
    for name in _in_order(trial.params for trial in found):
        columns[_PARAMS + name] = [trial.params.get(name) for trial in found]
    for name in sorted({name for trial in found for name in trial.attributes}):
        columns[_ATTRIBUTES + name] = [trial.attributes.get(name) for trial in found]
    return columns


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


def _write_csv(columns: Mapping[str, Sequence[Any]], stream: IO[bytes]) -> None:
    text = io.TextIOWrapper(stream, encoding="utf-8", errors="backslashreplace", newline="")
    writer = csv.writer(text)  # ends lines in CR LF and so quotes both
    writer.writerow(columns)
    writer.writerows(zip(*([_cell(entry) for entry in column] for column in columns.values()), strict=True))
    text.detach()


def _cell(entry: Any) -> str:
    if entry is None:
        return ""
    if isinstance(entry, str):
        return entry
    if isinstance(entry, datetime):
        return entry.isoformat()
    if isinstance(entry, float):
        return repr(entry)  # the shortest text that reads back as the same number
    return json.dumps(_jsonable(entry), ensure_ascii=False)


def _write_parquet(record: StudyRecord, columns: Mapping[str, Sequence[Any]], stream: IO[bytes]) -> None:
    import pyarrow
    from pyarrow import parquet

    kinds = {
        **dict.fromkeys(("number", "seed", "position", "attempt"), pyarrow.int64()),
        **dict.fromkeys(("value", "seconds"), pyarrow.float64()),
        **dict.fromkeys(("state", "outcome", "worker", "reason"), pyarrow.string()),
        **dict.fromkeys(("started_at", "ended_at"), pyarrow.timestamp("us", tz="UTC")),
    }
    arrays = [_array(column, kinds.get(name)) for name, column in columns.items()]
    table = pyarrow.table(arrays, names=[_encodable(name) for name in columns])
    study = json.dumps(_jsonable(_study(record)))
    parquet.write_table(table.replace_schema_metadata({"study": study}), stream)


def _array(column: Sequence[Any], kind: "pyarrow.DataType | None") -> "pyarrow.Array":
    """One column in the narrowest type that holds it all; what fits none, a mixture or a list, as text."""
    import pyarrow

    seen = {type(entry) for entry in column if entry is not None}
    if kind is None:
        if seen <= {bool}:
            kind = pyarrow.bool_()
        elif seen <= {int} and all(-(2**63) <= entry < 2**63 for entry in column if entry is not None):
            kind = pyarrow.int64()
        elif seen <= {int, float}:
            kind = pyarrow.float64()
            column = [None if entry is None else float(entry) for entry in column]
        else:
            kind = pyarrow.string()
    if pyarrow.types.is_string(kind):
        column = [None if entry is None else _encodable(_cell(entry)) for entry in column]
    return pyarrow.array(column, kind)


def _study(record: StudyRecord) -> dict[str, Any]:
    """What is told of the study: all that was asked for when it was made."""
    told = {field.name: getattr(record, field.name) for field in fields(record) if field.name != "incarnation"}
    return {**told, "created_at": datetime.fromtimestamp(record.created_at, UTC).isoformat()}


def _jsonable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _jsonable(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(entry) for entry in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _encodable(text: str) -> str:
    """`text` with an escape for each half of a surrogate pair."""
    return text.encode(errors="backslashreplace").decode()


def _is_device(path: Path) -> bool:
    """/dev/null, a pipe: what is written to rather than replaced."""
    return path.exists() and not path.is_file()


def _refuse_unwritable(output: Path) -> None:
    target = Path(os.path.realpath(output))
    if _is_device(target):
        return
    folder = target.parent
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder} to write {output.name} in; create it first")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(f"cannot write in {folder}: {error.strerror or error}; give another -o") from None
