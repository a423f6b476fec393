"""What is exported reads back as it was, in every format, whatever the texts and values are."""

import csv
import io
import json
import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from hpo.experiments import trial_export
from hpo.experiments.trial_records import ExportedTrial
from hpo.storage.studies import StudyRecord

RECORD = StudyRecord(
    name='odd "name", études',
    reference="cnn",
    definition="cnn",
    space="wide",
    fingerprint="f",
    fidelity="quick",
    direction="maximize",
    metric="accuracy",
    seed=1,
    sampler="tpe",
    pruner="asha",
    created_at=0.0,
    id=7,
)


FORMULA = re.compile("[\\t\\r\\n]|[\\s'\"\ufeff]*[=+\\-@＝＋－＠]")  # what a spreadsheet may take for a formula


def trial(**changes: Any) -> ExportedTrial:
    begun = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
    told: dict[str, Any] = {
        "number": 0,
        "state": "complete",
        "outcome": "complete",
        "value": 0.1,
        "params": {},
        "seed": 7,
        "rung": 0,
        "fidelity": "quick",
        "position": 0,
        "attempt": 1,
        "worker": "w",
        "started_at": begun,
        "ended_at": begun + timedelta(seconds=1.5),
        "seconds": 1.5,
        "reason": None,
        "attributes": {},
        "curve": (),
    }
    return ExportedTrial(**{**told, **changes})


def written(found: list[ExportedTrial], kind: str) -> bytes:
    stream = io.BytesIO()
    trial_export.write_trials(RECORD, found, stream, kind)
    return stream.getvalue()


def unmarked(cell: str) -> str:
    """The text behind a cell of a CSV file, as docs/cli.md says."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell[1:]) else cell


def as_csv(found: list[ExportedTrial]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(written(found, "csv").decode(), newline="")))


def as_parquet(found: list[ExportedTrial]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parquet.read_table(io.BytesIO(written(found, "parquet"))).to_pylist()
    return rows


numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(max_size=30)
trials = st.builds(
    trial,
    number=st.none() | st.integers(0, 2**31),
    value=st.none() | numbers,
    reason=st.none() | texts.filter(bool),
    params=st.fixed_dictionaries(
        {},
        optional={"rate": numbers, "layers": st.integers(-(2**63), 2**63 - 1), "flag": st.booleans(), 'a,"b\n': texts},
    ),
    attributes=st.fixed_dictionaries({}, optional={"train": numbers, "note": texts}),
    curve=st.lists(st.tuples(st.integers(0, 99), numbers), max_size=3).map(tuple),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(trials, max_size=6))
def test_exported_json_reads_back_unchanged(found: list[ExportedTrial]) -> None:
    document = json.loads(written(found, "json"))
    assert document["study"]["name"] == RECORD.name
    assert len(document["trials"]) == len(found)
    for told, one in zip(document["trials"], found, strict=True):
        assert (told["number"], told["value"], told["reason"]) == (one.number, one.value, one.reason)
        assert (told["params"], told["attributes"]) == (one.params, one.attributes)
        assert told["curve"] == [list(point) for point in one.curve]
        assert datetime.fromisoformat(told["started_at"]) == one.started_at


@settings(max_examples=100, deadline=None)
@given(st.lists(trials, max_size=6))
def test_exported_csv_reads_back_unchanged(found: list[ExportedTrial]) -> None:
    rows = as_csv(found)
    assert len(rows) == len(found)
    for row, one in zip(rows, found, strict=True):
        assert row["number"] == ("" if one.number is None else str(one.number))
        assert unmarked(row["reason"]) == (one.reason or "")
        assert (float(row["value"]) if row["value"] else None) == one.value
        assert datetime.fromisoformat(row["ended_at"]) == one.ended_at
        for name, value in one.params.items():
            cell = row[f"params_{name}"]
            assert (unmarked(cell) if isinstance(value, str) else json.loads(cell)) == value
        missing = {column for column in row if column.startswith("params_")} - {f"params_{n}" for n in one.params}
        assert all(row[column] == "" for column in missing)


@settings(max_examples=100, deadline=None)
@given(st.lists(trials, max_size=6))
def test_exported_parquet_reads_back_unchanged(found: list[ExportedTrial]) -> None:
    rows = as_parquet(found)
    assert len(rows) == len(found)
    for row, one in zip(rows, found, strict=True):
        for name in ("number", "value", "reason", "started_at", "ended_at", "seconds", "state", "worker"):
            assert row[name] == getattr(one, name)
        for column, there in (("params_", one.params), ("attributes_", one.attributes)):
            told = {name.removeprefix(column): v for name, v in row.items() if name.startswith(column)}
            assert {name: v for name, v in told.items() if v is not None} == there


values = st.sampled_from(["", "None", "null", "a"]) | st.none() | numbers | st.booleans()


def told_params(row: dict[str, Any], empty: object) -> dict[str, Any]:
    """The parameters of a trial as one reads them off a table: an empty cell is none, unless active_NAME says it is."""
    names = [column.removeprefix("params_") for column in row if column.startswith("params_")]
    shown = {name: row[f"params_{name}"] for name in names}
    return {n: v for n, v in shown.items() if row.get(f"active_{n}", v != empty) in (True, "true")}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.fixed_dictionaries({}, optional={"a": values, "b": values}), max_size=6))
def test_exports_distinguish_none_from_an_inactive_parameter(params: list[dict[str, Any]]) -> None:
    made = [trial(params=these) for these in params]
    for row, flat, these in zip(as_csv(made), as_parquet(made), params, strict=True):
        assert told_params(row, "").keys() == these.keys()
        told = told_params(flat, None)
        assert told.keys() == these.keys()
        assert {n for n, v in told.items() if v is None} == {n for n, v in these.items() if v is None}


def test_a_column_of_numbers_and_none_stays_numeric() -> None:
    made = [trial(params={"rate": 0.5}), trial(params={"rate": None}), trial(params={})]
    table = parquet.read_table(io.BytesIO(written(made, "parquet")))
    assert table["params_rate"].to_pylist() == [0.5, None, None]
    assert table["active_rate"].to_pylist() == [True, True, False]
    assert [(row["params_rate"], row["active_rate"]) for row in as_csv(made)] == [
        ("0.5", "true"), ("", "true"), ("", "false"),
    ]  # fmt: skip
    assert [one["params"] for one in json.loads(written(made, "json"))["trials"]] == [{"rate": 0.5}, {"rate": None}, {}]


def test_exports_without_none_have_no_active_columns() -> None:
    made = [trial(params={"rate": 0.5}), trial(params={})]
    assert not any(name.startswith("active_") for name in trial_export.columns(made))


def test_parquet_columns_have_types() -> None:
    params: list[dict[str, Any]] = [
        {"rate": 0.5, "layers": 3, "kind": "a", "flag": True, "mixed": None, "scale": 1, "huge": 2**70},
        {"rate": 1.0, "kind": None, "flag": False, "mixed": "1", "scale": 0.5},
        {"mixed": 1},
    ]
    made = [trial(number=i, params=these, attributes={"list": [1, 2]}) for i, these in enumerate(params)]
    table = parquet.read_table(io.BytesIO(written(made, "parquet")))
    types = {field.name: str(field.type) for field in table.schema}
    assert (types["number"], types["value"], types["state"]) == ("int64", "double", "string")
    assert types["started_at"] == types["ended_at"] == "timestamp[us, tz=UTC]"
    assert [types[f"params_{name}"] for name in ("rate", "layers", "kind", "flag", "scale")] == [
        "double", "int64", "string", "bool", "double",
    ]  # fmt: skip
    assert table["params_mixed"].to_pylist() == [None, "1", "1"]  # a mixture is text
    assert table["params_huge"].to_pylist() == [str(2**70), None, None]
    assert json.loads(table["attributes_list"].to_pylist()[0]) == [1, 2]
    assert json.loads(table.schema.metadata[b"study"])["definition"] == "cnn"


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_an_export_without_trials_has_only_its_header(kind: str) -> None:
    empty = written([], kind)
    if kind == "json":
        assert json.loads(empty)["trials"] == []
    elif kind == "csv":
        assert empty.decode().splitlines() == [",".join(trial_export.columns([]))]
    else:
        table = parquet.read_table(io.BytesIO(empty))
        assert (table.num_rows, table.column_names) == (0, list(trial_export.columns([])))


def test_parameters_stand_in_the_order_they_are_asked_for() -> None:
    made = [
        trial(params={"a": 1, "d": 1}),
        trial(params={"a": 1, "b": 1, "c": 1, "d": 1}),
        trial(params={"a": 1, "e": 1}),
        trial(params={"z": 1, "a": 1}),
    ]
    names = [name for name in trial_export.columns(made) if name.startswith("params_")]
    assert sorted(names) == [f"params_{name}" for name in "abcdez"]
    assert [name for name in names if name[-1] in "abcd"] == [f"params_{name}" for name in "abcd"]
    assert names.index("params_a") < names.index("params_e")
    assert names[0] == "params_z"


def test_texts_that_cannot_be_encoded_are_exported_escaped() -> None:
    half = trial(reason="half \ud83d", params={"\udc00": "x"}, attributes={"note": "\ud83d"})
    assert json.loads(written([half], "json"))["trials"][0]["reason"] == "half \ud83d"
    assert as_csv([half])[0]["reason"] == "half \\ud83d"
    assert as_parquet([half])[0]["reason"] == "half \\ud83d"


def test_non_finite_numbers_are_null_in_json_and_kept_elsewhere() -> None:
    odd = trial(attributes={"train": math.nan, "best": [math.inf, 1.0]})
    assert json.loads(written([odd], "json"))["trials"][0]["attributes"] == {"train": None, "best": [None, 1.0]}
    assert as_csv([odd])[0]["attributes_train"] == "nan"
    assert math.isnan(as_parquet([odd])[0]["attributes_train"])


def test_the_exported_study_omits_internal_fields() -> None:
    study = json.loads(written([], "json"))["study"]
    assert "id" not in study
    assert study["created_at"] == "1970-01-01T00:00:00+00:00"
    assert (study["kind"], study["sampler"], study["seed"]) == ("search", "tpe", 1)


@pytest.mark.parametrize(
    "text",
    [
        "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\tx", "  =1", "\u00a0=1", "'=1", '"=1', " ' \" @x",
        "＝1", "=cmd|' /C calc'!A0", '=HYPERLINK("http://a.b","c")', "\ufeff=1",
    ],
)  # fmt: skip
def test_csv_texts_are_never_formulas(text: str) -> None:
    hostile = trial(reason=text, worker=text, params={"kind": text, text: 1}, attributes={"note": text, text: "a"})
    row = as_csv([hostile])[0]
    for cell in (row["reason"], row["worker"], row["params_kind"], row["attributes_note"]):
        assert cell == f"'{text}"
    assert not any(FORMULA.match(cell) for cell in (*row, *row.values()) if not cell.startswith("'"))
    assert json.loads(written([hostile], "json"))["trials"][0]["reason"] == text
    assert as_parquet([hostile])[0]["reason"] == text


def test_csv_column_names_are_never_formulas() -> None:
    stream = io.BytesIO()
    trial_export._write_csv({"=1+1": [1], "a": [2]}, stream)
    assert stream.getvalue() == b"'=1+1,a\r\n1,2\r\n"


def test_negative_numbers_of_a_csv_file_stay_numbers() -> None:
    row = as_csv([trial(value=-0.5, params={"shift": -3, "rate": -1e-7}, attributes={"train": -math.inf})])[0]
    assert (row["value"], row["params_shift"], row["params_rate"]) == ("-0.5", "-3", "-1e-07")
    assert row["attributes_train"] == "-inf"


@pytest.mark.parametrize("text", ["a=b", "1-2", "it's = so", "'quoted'", "a@b.c", "", "(-1)"])
def test_csv_texts_that_are_no_formulas_stay_unchanged(text: str) -> None:
    assert as_csv([trial(reason=text)])[0]["reason"] == text
