"""What Python code prints in a worker: what is shown of it, and what is kept with the trial."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.fleet.protocol import LONGEST
from hpo.fleet.worker.captured_output import KEPT, SHOWN, Lines, Output, plain


@contextlib.contextmanager
def taken() -> Iterator[tuple[Output, list[str]]]:
    """Both streams of this process, and the lines that are shown."""
    shown: list[str] = []
    output = Output(shown.append)
    with contextlib.redirect_stdout(sys.stdout), contextlib.redirect_stderr(sys.stderr):
        output.take()
        yield output, shown


def test_lines_of_stdout_are_shown_and_those_of_both_are_kept_with_the_trial(capfd: pytest.CaptureFixture[str]) -> None:
    with taken() as (output, shown):
        print("before any trial")
        output.begin("where")
        print("one", 2)
        print("told on stderr", file=sys.stderr)
        print("not ended", end="")
        assert shown == ["before any trial", "one 2"]
        assert output.text == "one 2\ntold on stderr\nnot ended"
        assert capfd.readouterr() == ("", "told on stderr\n")  # which the supervisor keeps for the case that we die
        output.end()
        assert shown == ["before any trial", "one 2", "not ended"]
        assert output.text == ""


def test_a_new_trial_starts_with_empty_output() -> None:
    with taken() as (output, _shown):
        output.begin("where")
        print("the first trial's")
        output.begin("where")
        print("the second trial's")
        assert output.text == "the second trial's"


def test_the_end_of_long_output_is_kept() -> None:
    with taken() as (output, _shown):
        output.begin("where")
        for number in range(10_000):
            print(f"line {number}")
        assert len(output.text) == KEPT
        assert output.text.endswith("line 9998\nline 9999")
        output.begin("where")
        print("x" * 100_000 + "y")
        assert output.text == "x" * (KEPT - 1) + "y"


def test_a_flood_of_output_is_cut_and_names_where_the_rest_is() -> None:
    with taken() as (output, shown):
        for _ in range(2):
            shown.clear()
            output.begin("hpo trial s 7 has it")
            for number in range(3 * SHOWN):
                print(number)
            assert shown == [*map(str, range(SHOWN - 1)), "… what more it prints is not shown: hpo trial s 7 has it"]
        output.end()
        shown.clear()
        for number in range(3 * SHOWN):
            print(number)
        assert shown[-1] == "… what more it prints is not shown"
        assert len(shown) == SHOWN


def test_a_long_line_is_shown_in_part_and_kept_whole() -> None:
    with taken() as (output, shown):
        output.begin("where")
        print("x" * 1000)
        assert shown == ["x" * (LONGEST - 1) + "…"]
        assert output.text == "x" * 1000


def test_captured_stdout_behaves_as_a_text_stream() -> None:
    with taken() as (output, shown):
        output.begin("where")
        sys.stdout.buffer.write("bytes é\n".encode())
        sys.stdout.write("\udcff is no character\n")
        sys.stdout.flush()
        assert shown == ["bytes é", "\\udcff is no character"]
        assert (sys.stdout.isatty(), sys.stdout.encoding, sys.stdout.fileno()) == (False, "utf-8", 1)


def test_output_of_subprocesses_goes_to_the_real_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    with taken() as (output, _shown):
        output.begin("where")
        subprocess.run(["echo", "a program's"], check=True, stdout=sys.stdout)
        assert capfd.readouterr().out == "a program's\n"
        assert output.text == ""


@given(st.lists(st.text(alphabet="ab é\t…", max_size=5).map(str.rstrip)), st.data())
def test_lines_are_the_same_however_the_bytes_are_split(lines: list[str], data: st.DataObject) -> None:
    text = "".join(f"{line}\n" for line in lines).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    found = Lines()
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert [line for piece in pieces for line in found.feed(piece)] == lines
    assert found.end() == []


def test_a_last_line_without_newline_is_kept() -> None:
    found = Lines()
    assert found.feed(b"one\ntw") == ["one"]
    assert found.rest == "tw"
    assert found.feed(b"o") == []
    assert (found.end(), found.rest, found.end()) == (["two"], "", [])


def test_an_endless_line_is_bounded() -> None:
    found = Lines()
    for _ in range(100):
        found.feed(b"x" * 1000)
    assert len(found.rest) <= 20_000


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"  indented\t1 ", "  indented\t1"),
        (b"windows\r", "windows"),
        (b" 10%\r 50%\r100%", "100%"),
        (b"\x1b[1;31mred\x1b[0m and \x1b]0;a title\x07plain", "red and plain"),
        (b"nul\x00, bell\x07, back\x08", "nul, bell, back"),
        (b"\xff is no UTF-8", "� is no UTF-8"),
        ("┏━┓ é".encode(), "┏━┓ é"),
    ],
)
def test_carriage_returns_are_resolved_as_on_a_terminal(line: bytes, text: str) -> None:
    assert plain(line) == text


@given(st.binary())
def test_any_printed_bytes_become_storable_text(line: bytes) -> None:
    text = plain(line.replace(b"\n", b""))
    assert "\x00" not in text  # which PostgreSQL refuses
    assert "\x1b" not in text  # which a terminal would obey
    assert text.encode().decode() == text
