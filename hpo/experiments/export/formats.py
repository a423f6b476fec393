"""Exported trials as CSV, JSON and Parquet, on an open stream."""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

from hpo.experiments.export.spreadsheets import harmless
from hpo.experiments.export.trial_records import ExportedTrial
from hpo.storage.studies import StudyRecord

if TYPE_CHECKING:
    import pyarrow

__all__ = ["FORMATS", "columns", "write"]

FORMATS: Mapping[str, str] = {
    "csv": "a table, RFC 4180",
    "json": "one document: the study and its trials",
    "parquet": "a table with types",
}

_PARAMS, _ATTRIBUTES = "params_", "attributes_"  # before a column's name, as in Optuna's own data frames
_ACTIVE = "active_"  # before the name of a parameter: whether the trial has it
_NOT_IN_TABLES = ("params", "attributes", "curve")
_PLAIN = tuple(field.name for field in fields(ExportedTrial) if field.name not in _NOT_IN_TABLES)


def write(record: StudyRecord, found: Sequence[ExportedTrial], stream: IO[bytes], kind: str) -> None:
    """Write the trials of a study, and for JSON and Parquet the study itself, in one of FORMATS."""
    if kind == "json":
        document = {"study": _study(record), "trials": [asdict(trial) for trial in found]}
        # Half a surrogate pair has no UTF-8, but an escape that every JSON reader knows.
        text = json.dumps(_jsonable(document), indent=1, ensure_ascii=False, allow_nan=False)
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
    writer.writerow(map(harmless, table))
    writer.writerows(zip(*([_csv_cell(entry) for entry in column] for column in table.values()), strict=True))
    text.detach()


def _csv_cell(entry: Any) -> str:
    """As in every table, and texts are no formulas: numbers, negative ones too, stay as they are."""
    cell = _cell(entry)
    return harmless(cell) if isinstance(entry, str) else cell


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


def _write_parquet(record: StudyRecord, told: Mapping[str, Sequence[Any]], stream: IO[bytes]) -> None:
    import pyarrow
    from pyarrow import parquet

    kinds = {
        **dict.fromkeys(("number", "seed", "position", "attempt"), pyarrow.int64()),
        **dict.fromkeys(("value", "seconds"), pyarrow.float64()),
        **dict.fromkeys(("state", "outcome", "worker", "reason"), pyarrow.string()),
        **dict.fromkeys(("started_at", "ended_at"), pyarrow.timestamp("us", tz="UTC")),
    }
    arrays = [_array(column, kinds.get(name)) for name, column in told.items()]
    table = pyarrow.table(arrays, names=[_encodable(name) for name in told])
    study = json.dumps(_jsonable(_study(record)))
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
