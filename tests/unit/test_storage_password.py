"""The password of the storage may stand apart from its URL, as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.errors import UsageError
from hpo.settings import storage_url
from hpo.storage import storage_url as urls

NAMES = ("HPO_STORAGE", "HPO_STORAGE_PASSWORD", "HPO_STORAGE_PASSWORD_FILE")


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@given(password=st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1))
def test_any_password_from_the_environment_arrives_unchanged(password):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HPO_STORAGE", "postgresql://hpo@postgres:5432/hpo?connect_timeout=3")
        patch.setenv("HPO_STORAGE_PASSWORD", password)
        parsed = urls.parse(storage_url())
    assert parsed.sqlalchemy.password == password
    assert (parsed.sqlalchemy.username, parsed.sqlalchemy.host, parsed.sqlalchemy.database) == (
        "hpo",
        "postgres",
        "hpo",
    )
    assert parsed.sqlalchemy.query == {"connect_timeout": "3"}
    assert parsed.safe == "postgresql://hpo:***@postgres:5432/hpo?connect_timeout=3"


def test_a_password_file_is_read_without_its_line_end(monkeypatch, tmp_path):
    file = tmp_path / "password"
    file.write_text("p@ss/w:rd \n")
    monkeypatch.setenv("HPO_STORAGE", "postgresql://hpo@postgres/hpo")
    monkeypatch.setenv("HPO_STORAGE_PASSWORD_FILE", str(file))
    assert urls.parse(storage_url()).sqlalchemy.password == "p@ss/w:rd "


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://hpo:own@postgres/hpo",  # has one
        "postgresql://postgres/hpo",  # names nobody it could belong to
        "sqlite:////srv/a@b.db",
        "sqlite:///hpo.db",
        "hpo.db",
        "postgresql://hpo@[::1/hpo",  # no URL
    ],
)
def test_a_url_that_needs_no_password_stays_unchanged(monkeypatch, url):
    monkeypatch.setenv("HPO_STORAGE", url)
    monkeypatch.setenv("HPO_STORAGE_PASSWORD", "secret")
    assert storage_url() == url


def test_empty_password_variables_are_ignored(monkeypatch):
    monkeypatch.setenv("HPO_STORAGE", "postgresql://hpo@postgres/hpo")
    monkeypatch.setenv("HPO_STORAGE_PASSWORD", "")
    monkeypatch.setenv("HPO_STORAGE_PASSWORD_FILE", "")
    assert storage_url() == "postgresql://hpo@postgres/hpo"


def test_a_password_and_a_password_file_together_are_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("HPO_STORAGE", "postgresql://hpo@postgres/hpo")
    monkeypatch.setenv("HPO_STORAGE_PASSWORD", "secret")
    monkeypatch.setenv("HPO_STORAGE_PASSWORD_FILE", str(tmp_path / "password"))
    with pytest.raises(UsageError, match="both set") as refused:
        storage_url()
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_an_unreadable_password_file_is_named(monkeypatch, tmp_path, content):
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("HPO_STORAGE", "postgresql://hpo@postgres/hpo")
    monkeypatch.setenv("HPO_STORAGE_PASSWORD_FILE", str(file))
    with pytest.raises(UsageError, match="cannot be read") as refused:
        storage_url()
    assert str(file) in str(refused.value)
    assert "\n" not in str(refused.value)
