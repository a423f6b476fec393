"""What may be written as a storage URL, and that its password is never shown."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import URL

from hpo.errors import HpoError, StorageError, UsageError
from hpo.storage.storage_url import parse


@pytest.mark.parametrize("text", ["sqlite:///hpo.db", "sqlite+pysqlite:///hpo.db", "hpo.db", "./hpo.db", " hpo.db "])
def test_a_sqlite_file_is_found_from_any_folder(text: str, tmp_path: Path) -> None:
    url = parse(text)
    assert (url.backend, url.path) == ("sqlite", tmp_path / "hpo.db")  # the tests run in tmp_path
    assert parse(url.url).path == url.path
    assert url.safe.startswith("sqlite:///")


def test_absolute_paths_and_the_home_folder_are_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parse("sqlite:////data/a b.db").path == Path("/data/a b.db")
    assert parse("~/hpo.db").path == tmp_path / "hpo.db"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgres+psycopg"])
def test_every_way_to_write_postgresql_means_psycopg_3(scheme: str) -> None:
    url = parse(f"{scheme}://ada:secret@db.example:5433/studies")
    assert url.backend == "postgresql"
    assert url.sqlalchemy == URL.create("postgresql+psycopg", "ada", "secret", "db.example", 5433, "studies")
    assert url.safe == "postgresql://ada:***@db.example:5433/studies"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("mysql://u:secret@h/d", "'mysql' is not supported"),
        ("postgresql+psycopg2://u:secret@h/d", "not supported"),
        ("redis://:secret@h", "not supported"),
        ("postgresql://u:secret@h:port/d", "not a storage URL"),
        ("://u:secret@h", "not a storage URL"),
        ("postgresql://u:secret/d", "not a storage URL"),
        ("postgresql://h:port/d?password=secret", "not a storage URL"),
        ("postgresql://u@h:port/d?sslpassword=secret", "not a storage URL"),
        ("postgresql:u:secret@h/d", "neither a storage URL nor a path"),
        ("sqlite:///{study}.db", "%7B"),
        ("postgresql://u:{secret}@h/d", "%7B"),
        ("{}.db", "neither"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite://hpo.db", "three slashes"),
        ("sqlite://u:secret@h/hpo.db", "three slashes"),
        ("sqlite:///hpo.db?timeout=3", "no options"),
        ("sqlite:///file:hpo.db", "names no file"),
    ],
)
def test_an_invalid_storage_url_is_refused_in_one_line_without_its_password(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    message = str(caught.value)
    assert says in message
    assert "secret" not in message
    assert "\n" not in message


def test_a_missing_driver_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StorageError, match=r"pip install 'hpo-service\[postgres\]'"):
        parse("postgresql://h/d")


@given(password=st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_no_spelling_of_a_password_is_shown(password: str) -> None:
    password = f"§{password}"  # else it may be a part of the words around it
    written = URL.create("postgresql", "ada", password, "h", database="d").render_as_string(hide_password=False)
    url = parse(written)
    assert url.sqlalchemy.password == password
    assert password not in url.safe.replace("***", "")
    assert password not in repr(url).replace("***", "")
    assert password not in url.hide(f"cannot connect with {password} to {url.url} or {written}").replace("***", "")


def test_a_password_among_the_options_is_hidden_too() -> None:
    url = parse("postgresql://ada@h/d?password=pass%20word&sslmode=disable")
    assert url.sqlalchemy.query["password"] == "pass word"
    assert url.safe == "postgresql://ada@h/d?sslmode=disable"
    assert url.hide("password=pass%20word or 'pass word'") == "password=*** or '***'"
    assert parse("postgresql://ada@h/d?sslpassword=secret").safe == "postgresql://ada@h/d"


@given(st.text())
def test_any_text_is_a_url_or_an_expected_error(text: str) -> None:
    message = ""
    try:
        parse(text)
    except HpoError as error:
        message = str(error)
    assert "\n" not in message
