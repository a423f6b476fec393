"""The file of users, and who may log in to a server."""

import json
import os
import pwd
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hpo.errors import UsageError
from hpo.web.security import users
from hpo.web.security.users import Users, known_users, users_file

GOOD = "correct horse battery"


@pytest.fixture(autouse=True)
def _no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HPO_USERS", "HPO_DASHBOARD_USER", "HPO_DASHBOARD_PASSWORD", "HPO_DASHBOARD_PASSWORD_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "new" / "users.json"


def test_a_user_is_kept_with_a_salted_hash_in_a_file_of_the_owner_s_alone(file: Path) -> None:
    assert users.add(file, "ada", GOOD, may_write=True)
    assert users.add(file, "bob", GOOD, may_write=False)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert GOOD not in file.read_text()
    kept = users.read(file)
    assert {name: account.may_write for name, account in kept.items()} == {"ada": True, "bob": False}
    assert kept["ada"].password != kept["bob"].password
    assert users.matches(kept["ada"].password, GOOD)
    assert not users.matches(kept["ada"].password, GOOD + ".")
    assert "scrypt" not in repr(kept["ada"])
    assert [path.name for path in file.parent.iterdir()] == ["users.json"]


def test_adding_a_user_again_replaces_the_password(file: Path) -> None:
    users.add(file, "ada", GOOD, may_write=True)
    assert not users.add(file, "ada", "another one altogether", may_write=False)
    account = users.read(file)["ada"]
    assert not account.may_write
    assert not users.matches(account.password, GOOD)


def test_users_added_concurrently_are_all_kept(file: Path) -> None:
    threads = [
        threading.Thread(target=users.add, args=(file, f"user{n}", GOOD), kwargs={"may_write": False}) for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(users.read(file)) == 4


def test_a_removed_user_is_unknown_at_once(file: Path) -> None:
    users.add(file, "ada", GOOD, may_write=True)
    known = Users(file)
    assert known.find("ada") is not None
    users.remove(file, "ada")
    assert known.find("ada") is None
    with pytest.raises(UsageError, match="no user 'ada'"):
        users.remove(file, "ada")
    file.unlink()
    assert known.all() == {}


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short",
        "x" * 300,
        "aaaaaaaaaaaaaa",
        "abababababab",
        "password1234",
        "ada-ada-ada-ada",
        "Qwerty123456789",
        "a" * 11,
    ],
)
def test_weak_passwords_are_refused(password: str, file: Path) -> None:
    with pytest.raises(UsageError, match="password") as refused:
        users.add(file, "ada", password, may_write=False)
    assert not password or password not in str(refused.value)
    assert not file.exists()


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "ü", "x" * 65, "a\n"])
def test_an_invalid_user_name_is_refused(name: str, file: Path) -> None:
    with pytest.raises(UsageError, match="no name"):
        users.add(file, name, GOOD, may_write=False)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"users": {"ada": {}}}', '{"users": {"a": {"password": 1, "write": true}}}', "\xff"]
)
def test_a_malformed_users_file_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    file.write_text(text, "latin-1")
    with pytest.raises(UsageError, match="no file of users"):
        users.read(file)
    with pytest.raises(UsageError, match="no file of users"):
        users.add(file, "ada", GOOD, may_write=False)
    assert file.read_text("latin-1") == text


def test_a_world_writable_users_file_lets_nobody_in(file: Path) -> None:
    users.add(file, "ada", GOOD, may_write=True)
    file.chmod(0o666)
    with pytest.raises(UsageError, match="chmod 600"):
        Users(file).find("ada")
    file.chmod(0o444)  # as a secret is mounted
    assert Users(file).find("ada") is not None


def test_passwords_match_in_any_unicode_normalization() -> None:
    assert users.matches(users.hashed("Schlüsselbrett drei"), "Schlu\u0308sselbrett drei")


def test_no_password_matches_an_unknown_user() -> None:
    assert not users.matches(None, "")
    assert not users.matches("no-such-method:1$a$b", GOOD)


def test_without_users_only_loopback_is_served(file: Path) -> None:
    assert known_users("127.0.0.1").none_needed()
    with pytest.raises(UsageError, match="proxy"):
        known_users("127.0.0.1", proxied=True)
    for host in ("0.0.0.0", "::"):
        with pytest.raises(UsageError, match="adduser"):
            known_users(host)
    with pytest.raises(UsageError, match="no user in"):
        known_users("127.0.0.1", file)  # whoever names a file wants a login


def test_login_is_required_from_the_first_user_until_the_last_is_removed(tmp_path: Path) -> None:
    known, file = known_users("127.0.0.1"), users_file()
    users.add(file, "ada", GOOD, may_write=True)
    assert not known.none_needed()
    users.remove(file, "ada")
    assert known.none_needed()
    users.add(file, "bob", GOOD, may_write=True)
    assert not known.none_needed()
    file.unlink()  # which says nothing
    assert not known.none_needed()
    assert known.all() == {}
    file.mkdir()
    with pytest.raises(UsageError, match="cannot be read"):
        known.none_needed()


def test_login_stays_required_without_users_where_they_are_required(file: Path) -> None:
    users.add(file, "ada", GOOD, may_write=True)
    for found in (known_users("0.0.0.0", file), known_users("127.0.0.1", file)):
        assert not found.none_needed()
    users.remove(file, "ada")
    assert not found.none_needed()


def test_users_of_the_file_may_log_in_anywhere(file: Path) -> None:
    users.add(file, "ada", GOOD, may_write=True)
    found = known_users("0.0.0.0", file)
    assert list(found.all()) == ["ada"]


def test_the_users_file_has_a_default_an_environment_and_an_explicit_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert users_file() == tmp_path / "config/hpo/users.json"
    monkeypatch.setenv("HPO_USERS", "/x/users.json")
    assert users_file() == Path("/x/users.json")
    assert users_file(Path("y.json")) == Path("y.json")


def test_a_single_user_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(GOOD + "\n")
    monkeypatch.setenv("HPO_DASHBOARD_USER", "team")
    with pytest.raises(UsageError, match="missing"):
        known_users("0.0.0.0")
    monkeypatch.setenv("HPO_DASHBOARD_PASSWORD_FILE", str(secret))
    found = known_users("0.0.0.0")
    team = found.find("team")
    assert team is not None
    assert team.may_write
    assert users.matches(team.password, GOOD)
    secret.write_text("short")
    with pytest.raises(UsageError, match="HPO_DASHBOARD_PASSWORD_FILE: the password has 5"):
        known_users("0.0.0.0")
    secret.unlink()
    with pytest.raises(UsageError, match="cannot be read"):
        known_users("0.0.0.0")


def test_an_unwritable_users_folder_is_refused_and_left_empty() -> None:
    with tempfile.TemporaryDirectory() as name, _as_nobody(Path(name)) as folder:  # pytest's are closed to others
        with pytest.raises(UsageError, match="cannot write"):
            users.add(folder / "users.json", "ada", GOOD, may_write=False)
        assert list(folder.iterdir()) == []


@contextmanager
def _as_nobody(folder: Path) -> Iterator[Path]:
    """With no right to write in `folder`, though to look into it: root, who may write everywhere, as somebody else."""
    root = os.geteuid() == 0
    folder.chmod(0o555)
    if root:
        os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)


def test_the_users_file_has_only_password_and_rights(file: Path) -> None:
    users.add(file, "ada", GOOD, may_write=True)
    assert set(json.loads(file.read_text())["users"]["ada"]) == {"password", "write"}
