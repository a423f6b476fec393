"""Where an export may be written to, and what it is then."""

import os
from pathlib import Path

import pytest

from hpo.errors import UsageError
from hpo.service.export import check


@pytest.mark.parametrize(
    ("name", "wanted", "kind"),
    [("a.csv", None, "csv"), ("a.JSON", None, "json"), ("a.b.parquet", None, "parquet"), ("a.txt", "csv", "csv"),
     ("a.csv", "json", "json"), ("plain", "parquet", "parquet"), (os.devnull, "csv", "csv")],
)  # fmt: skip
def test_a_format_is_what_was_asked_for_or_what_the_name_says(
    name: str, wanted: str | None, kind: str, tmp_path: Path
) -> None:
    assert check(tmp_path / name, wanted) == kind
    assert list(tmp_path.iterdir()) == []


def test_a_stream_is_csv_unless_asked_otherwise() -> None:
    assert (check(None), check(None, "csv"), check(None, "json")) == ("csv", "csv", "json")
    with pytest.raises(UsageError, match="parquet is no text for stdout: name a file with -o"):
        check(None, "parquet")


@pytest.mark.parametrize(
    ("name", "wanted", "said"),
    [("a.xlsx", None, "does not tell the format: end it in .csv, .json or .parquet"), ("a", None, "--format"),
     ("a.csv", "excel", "there is no format 'excel'; there are: csv, json, parquet"),
     ("none/a.csv", None, "there is no folder"), ("folder", "csv", "is a folder; name a file in it")],
)  # fmt: skip
def test_what_cannot_be_written_is_refused_in_one_line(
    name: str, wanted: str | None, said: str, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match=said) as refused:
        check(tmp_path / name, wanted)
    assert "\n" not in str(refused.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_or_a_file_one_may_not_write_is_refused(tmp_path: Path) -> None:
    kept = tmp_path / "kept.csv"
    kept.touch(mode=0o444)
    with pytest.raises(UsageError, match="may not be written"):
        check(kept)
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(UsageError, match="cannot write in"):
            check(tmp_path / "a.csv")
    finally:
        tmp_path.chmod(0o755)
