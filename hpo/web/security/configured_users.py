"""Who may log in to this server: out of a file, out of the environment, and whether it may do without."""

import os
import shlex
from pathlib import Path

from hpo.errors import UsageError
from hpo.files import expanded, read
from hpo.web.security import passwords
from hpo.web.security.hosts import is_loopback
from hpo.web.security.users import Account, Users, refuse_name

__all__ = ["PASSWORD", "USER", "USERS", "known_users", "users_file"]

_LONGEST = 10_000  # bytes of a file with a password

USERS = "HPO_USERS"  # the file of users
USER, PASSWORD = "HPO_DASHBOARD_USER", "HPO_DASHBOARD_PASSWORD"
"""One user who may write, without a file; the password may stand in a file that PASSWORD_FILE names."""


def users_file(asked: Path | None = None) -> Path:
    """The file of users: the one asked for, $HPO_USERS, or hpo/users.json where settings are kept."""
    named = asked or os.environ.get(USERS)
    if named:
        return expanded(named)
    return expanded(os.environ.get("XDG_CONFIG_HOME") or "~/.config") / "hpo" / "users.json"


def known_users(host: str, asked: Path | None = None, *, proxied: bool = False) -> Users:
    """Who may log in to a server on `host`; where there is nobody, it may do without until there is.

    `proxied`: others than this machine come to it through a proxy before it.

    Raises:
        UsageError: there is nobody, and others than this machine can reach the server, or a file was asked for; or what
            is set cannot be read or will not do.

    """
    path = users_file(asked)
    named = asked is not None or bool(os.environ.get(USERS))
    users = Users(path, besides=_from_environment(), required=named or proxied or not is_loopback(host))
    if users.none_needed() or users.all():
        return users
    remedy = "hpo dashboard adduser NAME --write" + (f" --users {shlex.quote(str(path))}" if named else "")
    if not is_loopback(host):
        raise UsageError(
            f"on {host or 'all addresses'} anybody in the network could look in, and there is no user: {remedy}, "
            f"set {USER} and {PASSWORD}_FILE, or use --host 127.0.0.1"
        )
    if proxied and not named:
        raise UsageError(
            f"whoever reaches the proxy could look in, and there is no user: {remedy}, "
            f"or set {USER} and {PASSWORD}_FILE"
        )
    raise UsageError(f"there is no user in {path}: {remedy}")


def _from_environment() -> Account | None:
    name = os.environ.get(USER, "")
    password, path = os.environ.get(PASSWORD, ""), os.environ.get(f"{PASSWORD}_FILE", "")
    if not (name or password or path):
        return None
    if not name or not (password or path):
        raise UsageError(
            f"a user of the environment has {USER} and {PASSWORD} or {PASSWORD}_FILE: one of them is missing"
        )
    if path:
        try:
            password = read(expanded(path), most=_LONGEST).decode().rstrip("\r\n")
        except (OSError, UnicodeError) as error:
            raise UsageError(
                f"{PASSWORD}_FILE={path} cannot be read: {getattr(error, 'strerror', 'no text')}"
            ) from None
    refuse_name(name)
    try:
        passwords.refuse_weak(name, password)
    except UsageError as error:
        raise UsageError(f"{PASSWORD}{'_FILE' if path else ''}: {error}") from None
    return Account(name=name, password=passwords.hashed(password, of=name), may_write=True)
