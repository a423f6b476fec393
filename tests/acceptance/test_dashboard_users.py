"""`hpo dashboard adduser` as the command line has it."""

import json
from pathlib import Path

from command import Hpo

GOOD = "correct horse battery\n"


def test_dashboard_users_are_added_listed_and_removed(hpo: Hpo, folder: Path) -> None:
    users = {"XDG_CONFIG_HOME": str(folder / "config")}
    made = hpo("dashboard", "adduser", "ada", "--write", "--password-stdin", stdin=GOOD, **users)
    assert made.code == 0
    assert "ada may log in now" in made.err
    assert GOOD.strip() not in made.out + made.err
    assert (folder / "config/hpo/users.json").stat().st_mode & 0o777 == 0o600
    listed = hpo("dashboard", "users", "--json", **users)
    assert json.loads(listed.out) == [{"name": "ada", "may_write": True}]
    assert hpo("dashboard", "deluser", "ada", **users).code == 0
