"""Lines out of what programs print."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.fleet.worker.terminal_lines import Lines, plain


@given(st.lists(st.text(alphabet="ab é\t…", max_size=5).map(str.rstrip)), st.data())
def test_however_it_comes_the_lines_are_the_same(lines: list[str], data: st.DataObject) -> None:
    text = "".join(f"{line}\n" for line in lines).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    found = Lines()
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert [line for piece in pieces for line in found.feed(piece)] == lines
    assert found.end() == []


def test_the_last_line_may_lack_its_end() -> None:
    found = Lines()
    assert found.feed(b"one\ntw") == ["one"]
    assert found.rest == "tw"
    assert found.feed(b"o") == []
    assert (found.end(), found.rest, found.end()) == (["two"], "", [])


def test_a_line_that_never_ends_does_not_grow() -> None:
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
def test_a_line_is_what_a_terminal_shows_in_the_end(line: bytes, text: str) -> None:
    assert plain(line) == text


@given(st.binary())
def test_whatever_is_printed_can_be_kept_and_shown(line: bytes) -> None:
    text = plain(line.replace(b"\n", b""))
    assert "\x00" not in text  # which PostgreSQL refuses
    assert "\x1b" not in text  # which a terminal would obey
    assert text.encode().decode() == text
