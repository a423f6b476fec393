import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.cli.printing.console import configuration, document, duration, figure, say, table, tell

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(JSON)
def test_a_document_is_strict_json_whatever_it_holds(value: object) -> None:
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()) as written:
        document(value)

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    json.loads(written.getvalue(), parse_constant=refuse)


def test_json_documents_convert_tuples_decimals_dates_paths_and_nan(capsys: pytest.CaptureFixture[str]) -> None:
    when = datetime(2025, 1, 2, tzinfo=UTC)
    document({"a": (1, 2), "b": Decimal("0.910"), "c": when, "d": Path("x/y"), "e": float("nan")})
    read = json.loads(capsys.readouterr().out)
    assert read == {"a": [1, 2], "b": 0.91, "c": "2025-01-02T00:00:00+00:00", "d": "x/y", "e": None}


def test_results_go_to_stdout_and_messages_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    tell("result")
    say("on the way")
    written = capsys.readouterr()
    assert (written.out, written.err) == ("result\n", "on the way\n")


def test_a_table_keeps_brackets_and_every_cell_when_piped(capsys: pytest.CaptureFixture[str]) -> None:
    table(["name", "value"], [["[bold]x[/bold]", "1"], ["y" * 60, "22"]], title="A [red]title", right=[1])
    out = capsys.readouterr().out
    assert "[bold]x[/bold]" in out
    assert "y" * 60 in out
    assert "A [red]title" in out
    assert "\x1b" not in out


def test_a_configuration_is_printed_one_line_per_parameter(capsys: pytest.CaptureFixture[str]) -> None:
    configuration({"learning_rate": 0.00123456789, "layers": 2, "none": None, "yes": True})
    assert capsys.readouterr().out.split("\n")[:4] == [
        "  learning_rate  0.00123457",
        "  layers         2",
        "  none           -",
        "  yes            True",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "less than a second"), (45, "45 s"), (89, "89 s"), (90, "2 min"), (720, "12 min"), (12_000, "3 h 20 min"),
        (200_000, "2.3 days"),
    ],
)  # fmt: skip
def test_durations_are_printed_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), (0.91234567, "0.912346"), (3, "3"), (False, "False"), ("relu", "relu"), (2.0, "2")],
)
def test_figures_are_printed_with_readable_digits(value: object, shown: str) -> None:
    assert figure(value) == shown
