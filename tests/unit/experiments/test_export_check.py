"""Where an export may be written to, and what it is then."""

import multiprocessing
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from hpo.errors import HpoError, UsageError
from hpo.experiments.trial_export import check


@pytest.mark.parametrize(
    ("name", "wanted", "kind"),
    [("a.csv", None, "csv"), ("a.JSON", None, "json"), ("a.b.parquet", None, "parquet"), ("a.txt", "csv", "csv"),
     ("a.csv", "json", "json"), ("plain", "parquet", "parquet"), (os.devnull, "csv", "csv")],
)  # fmt: skip
def test_the_export_format_comes_from_the_option_or_the_file_name(
    name: str, wanted: str | None, kind: str, tmp_path: Path
) -> None:
    assert check(tmp_path / name, wanted) == kind
    assert list(tmp_path.iterdir()) == []


def test_an_export_to_stdout_is_csv_by_default() -> None:
    assert (check(None), check(None, "csv"), check(None, "json")) == ("csv", "csv", "json")
    with pytest.raises(UsageError, match="parquet is no text for stdout: name a file with -o"):
        check(None, "parquet")


def test_only_parquet_needs_pyarrow_and_names_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyarrow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # Python's own way to say that it cannot be imported
    with pytest.raises(HpoError, match=r"parquet needs pyarrow: pip install 'hpo-service\[parquet\]', or") as refused:
        check(tmp_path / "a.parquet")
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 1
    assert [check(tmp_path / name) for name in ("a.csv", "a.json")] == ["csv", "json"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "wanted", "said"),
    [("a.xlsx", None, "does not tell the format: end it in .csv, .json or .parquet"), ("a", None, "--format"),
     ("a.csv", "excel", "there is no format 'excel'; there are: csv, json, parquet"),
     ("none/a.csv", None, "there is no folder"), ("folder", "csv", "is a folder; name a file in it")],
)  # fmt: skip
def test_an_unsupported_export_format_is_refused_in_one_line(
    name: str, wanted: str | None, said: str, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match=said) as refused:
        check(tmp_path / name, wanted)
    assert "\n" not in str(refused.value)


def _as_nobody(output: Path, results: "multiprocessing.Queue[str]") -> None:
    if os.geteuid() == 0:  # root may write anything
        os.setgid(65534)
        os.setuid(65534)
    try:
        results.put(check(output))
    except UsageError as error:
        results.put(str(error))


@pytest.mark.parametrize(("name", "said"), [("kept.csv", "may not be written"), ("a.csv", "cannot write in")])
def test_an_unwritable_export_path_is_refused(name: str, said: str) -> None:
    folder = Path(tempfile.mkdtemp())  # tmp_path lies in a folder only its owner may enter
    try:
        (folder / "kept.csv").touch(mode=0o444)
        folder.chmod(0o555)
        context = multiprocessing.get_context("fork")
        results: multiprocessing.Queue[str] = context.Queue()
        child = context.Process(target=_as_nobody, args=(folder / name, results))
        child.start()
        child.join()
        assert said in results.get()
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)
