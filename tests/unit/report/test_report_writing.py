from pathlib import Path

import pytest

from hpo.errors import HpoError, UsageError
from hpo.report import format_of, write


@pytest.mark.parametrize(
    ("name", "wanted", "found"),
    [("a.html", None, "html"), ("a.HTM", None, "html"), ("a.md", None, "markdown"), ("a.txt", "html", "html")],
)
def test_the_report_format_comes_from_the_option_or_the_file_name(
    tmp_path: Path, name: str, wanted: str | None, found: str
) -> None:
    assert format_of(tmp_path / name, wanted) == found


@pytest.mark.parametrize(
    ("name", "wanted", "said"),
    [
        ("page.txt", None, "does not tell the format: end it in .html or .md"),
        ("page.md", "html", "is named as markdown, not html"),
        ("page.html", "pdf", "there is no format 'pdf'; there are: html, markdown"),
        (".", None, "is a folder; name a file in it, such as"),
        ("no/page.html", None, "to write page.html in; create it first"),
        ("/dev/null", "html", "/dev/null is no ordinary file"),
    ],
)
def test_an_unsupported_report_format_is_refused_in_one_line(
    tmp_path: Path, name: str, wanted: str | None, said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        format_of(tmp_path / name, wanted)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_report_replaces_the_file_whole_and_keeps_a_link(tmp_path: Path) -> None:
    file, link = tmp_path / "page.html", tmp_path / "link.html"
    file.write_text("old")
    link.symlink_to(file)
    write(link, "new \ud800 é")
    assert file.read_text() == "new ? é"
    assert link.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.html", "page.html"]


def test_a_report_that_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text("old")
    blocked = tmp_path / "sub"
    blocked.mkdir()
    with pytest.raises(HpoError, match=r"could not be written: .*; give another -o"):
        write(blocked, "new")  # a folder cannot be replaced by a file
    assert file.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.html", "sub"]
