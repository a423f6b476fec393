"""`hpo db`: tables made, looked at, left alone."""

import json
import sqlite3
from pathlib import Path

from hpo.storage.schema import VERSION


def test_db_upgrade_makes_the_tables_once_and_then_reports_them(hpo, folder: Path) -> None:
    missing = hpo("db", "check")
    assert (missing.code, missing.out) == (1, "sqlite:///hpo.db: no tables of hpo; nothing was changed\n")
    assert missing.err == f"hpo: storage sqlite:///hpo.db needs tables of version {VERSION}: hpo db upgrade\n"
    assert list(folder.iterdir()) == []
    made = hpo("db", "upgrade", "--json")
    assert (made.code, made.err) == (0, "")
    assert json.loads(made.out) == {
        "storage": "sqlite:///hpo.db",
        "before": None,
        "after": VERSION,
        "needed": VERSION,
        "changed": True,
    }
    again = hpo("db", "upgrade")
    assert (again.code, again.err) == (0, "")
    assert again.out == f"sqlite:///hpo.db: tables of version {VERSION}, the latest; nothing was changed\n"
    assert hpo("db", "check").code == 0


def test_another_programs_database_is_refused_by_the_commands_and_stays_as_it_is(hpo, folder: Path) -> None:
    with sqlite3.connect(folder / "hpo.db") as connection:
        connection.execute("CREATE TABLE people (name text)")
    connection.close()
    before = (folder / "hpo.db").read_bytes()
    for words in (("db", "upgrade"), ("optimize", "fcnn", "--trials", "1"), ("status",), ("delete", "x", "--yes")):
        done = hpo(*words)
        assert done.code == 1
        assert "belongs to another program (it has the tables people): nothing was changed" in done.err
        assert done.err.count("\n") == 1
    assert (folder / "hpo.db").read_bytes() == before


def test_a_file_from_before_the_first_release_is_refused_by_the_commands_and_stays(hpo, folder: Path) -> None:
    with sqlite3.connect(folder / "hpo.db") as connection:
        connection.executescript((Path(__file__).parents[1] / "integration" / "earlier.sql").read_text())
    connection.close()
    before = (folder / "hpo.db").read_bytes()
    for words in (
        ("db", "upgrade"),
        ("db", "check"),
        ("optimize", "fcnn", "--trials", "1"),
        ("worker", "--drain"),
        ("status",),
        ("export", "cnn-report-quick", "-o", "trials.csv"),
    ):
        done = hpo(*words)
        assert done.code == 1
        assert "hpo.db was made by an earlier, unreleased version of hpo" in done.err
        assert done.err.count("\n") == 1
    assert (folder / "hpo.db").read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["hpo.db"]
