"""`hpo dashboard`: every study in a browser; who may log in."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from hpo.cli import dashboard_tokens
from hpo.cli.options import AsJson, Storage, examples, whole
from hpo.cli.printing.console import apart, document, say, table, tell
from hpo.errors import UsageError
from hpo.settings import MOST_OPEN

_LONGEST = 10_000  # characters of a password that is read

__all__ = ["adduser", "dashboard", "deluser", "register", "users"]

_UsersFile = Annotated[
    Path | None,
    typer.Option(
        "--users",
        metavar="FILE",
        help="Who may log in, as hpo dashboard adduser writes it.  [env: HPO_USERS; default: ~/.config/hpo/users.json]",
        show_default=False,
    ),
]
_Name = Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits and . _ @ -", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(rich_markup_mode=None)
    epilog = examples(
        "hpo dashboard",
        "hpo dashboard adduser ada --write",
        "hpo dashboard --host 0.0.0.0 --allowed-host hpo.example.org --behind-tls",
    )
    group.callback(invoke_without_command=True, epilog=epilog)(dashboard)
    group.command(short_help="Let somebody log in, or give them another password.")(adduser)
    group.command(short_help="Let somebody log in no more; their sessions end at once.")(deluser)
    group.command(short_help="Who may log in.")(users)
    dashboard_tokens.register(group)
    app.add_typer(group, name="dashboard", short_help="Every study in a browser, behind a login.")


def dashboard(
    ctx: typer.Context,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Where to listen.")] = ("127.0.0.1"),
    port: Annotated[int, typer.Option(metavar="N", parser=whole(0, 65_535), help="0: any that is free.")] = 8080,
    users: _UsersFile = None,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allowed-host",
            metavar="NAME",
            help="A name the server is reached by; may be given again.  [env: HPO_ALLOWED_HOSTS, with blanks between]",
            show_default=False,
        ),
    ] = None,
    behind_tls: Annotated[
        bool,
        typer.Option(
            "--behind-tls",
            envvar="HPO_BEHIND_TLS",
            show_envvar=True,
            help="Browsers come by https, to a proxy before us.",
        ),
    ] = False,
    proxy: Annotated[
        str | None,
        typer.Option(
            "--trusted-proxy",
            metavar="ADDRESS",
            envvar="HPO_TRUSTED_PROXY",
            help="The proxy's address: its X-Forwarded-For says who asks.",
            show_default=False,
        ),
    ] = None,
    artifacts: Annotated[
        Path | None,
        typer.Option(
            "--artifacts",
            metavar="FOLDER",
            envvar="HPO_ARTIFACTS",
            help="Where files attached in optuna-dashboard lie; made where it is missing.  [default: it offers none]",
            show_default=False,
        ),
    ] = None,
    most_open: Annotated[
        int,
        typer.Option(
            "--most-open",
            metavar="TRIALS",
            parser=whole(1, 1_000_000),
            help="Open trials of all studies together beyond which programs may add none.",
        ),
    ] = MOST_OPEN,
    log: Annotated[
        str | None,
        typer.Option("--log", metavar="text|json", help="Lines of the log.  [env: HPO_LOG]", show_default=False),
    ] = None,
    storage: Storage = None,
) -> None:
    """Serve every study to a browser: an overview, a page and a report each, and the whole optuna-dashboard.

    Without users, which only an address of this machine itself allows, everybody on it may look and nobody may change
    anything; `hpo dashboard adduser NAME --write` makes the first user. Ends with Ctrl-C or SIGTERM.
    """
    if ctx.invoked_subcommand is not None:
        return
    import os

    from hpo import logs
    from hpo.settings import storage_url
    from hpo.web.application import create
    from hpo.web.security.hooks import Access
    from hpo.web.security.request_checks import names
    from hpo.web.security.users import known_users
    from hpo.web.server import folder_for, listen, stoppable, when_ready

    logs.kind(log)  # refused before anything is done
    if proxy is not None and not proxy.strip():
        raise UsageError("--trusted-proxy is empty: give the address of the proxy, or leave it out")
    allowed = allowed_host or os.environ.get("HPO_ALLOWED_HOSTS", "").replace(",", " ").split()
    known = known_users(host, users, proxied=behind_tls or proxy is not None)
    access = Access(names=names(host, allowed), users=known, tls=behind_tls)
    folder = folder_for(artifacts) if artifacts else None
    with apart(), stoppable():
        opened = when_ready(storage or storage_url(), say)
        logs.configure(log)
        served = create(opened, access, artifacts=folder, most_open=most_open)
        server = listen(served, host=host, port=port, proxy=proxy)
        say(f"hpo dashboard: {server.url} shows {opened.safe_url}; Ctrl-C ends it")
        if known.none_needed():
            say("nobody has to log in, so everybody on this machine may look, and nobody may change anything;")
            say("hpo dashboard adduser NAME --write makes a user who may, and from then on everybody has to")
        server.run()
    say("stopped")


def adduser(
    name: _Name,
    write: Annotated[bool, typer.Option("--write", help="May stop and resume studies, write notes.")] = False,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input, one line.")
    ] = False,
    users: _UsersFile = None,
) -> None:
    """Let somebody log in, or give who may already another password and right; their sessions end.

    The password is asked for twice. At least 12 characters; a few words will do. The file keeps a salted hash of it.
    """
    from hpo.web.security.users import add, refuse_name, users_file

    refuse_name(name)
    path = users_file(users)
    new = add(path, name, _password(from_stdin=password_stdin), may_write=write)
    right = "may look and write" if write else "may look; --write lets them stop, resume and write notes, too"
    say(f"{name} {'may log in now' if new else 'has a new password'} ({right}); kept in {path}")


def deluser(name: _Name, users: _UsersFile = None) -> None:
    """Let somebody log in no more; their sessions end at once."""
    from hpo.web.security.users import remove, users_file

    path = users_file(users)
    remove(path, name)
    say(f"{name} may log in no more; taken out of {path}")


def users(users: _UsersFile = None, as_json: AsJson = False) -> None:
    """Who may log in, and what they may do."""
    from hpo.web.security.users import read, users_file

    path = users_file(users)
    found = sorted(read(path).values(), key=lambda account: account.name)
    if as_json:
        document([{"name": account.name, "may_write": account.may_write} for account in found])
    elif not found:
        tell(f"nobody in {path}: hpo dashboard adduser NAME --write")
    else:
        table(["user", "may"], [[a.name, "look and write" if a.may_write else "look"] for a in found], text=(1,))


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline(_LONGEST).rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask for the password on: give it with --password-stdin")
    given: str = typer.prompt("Password", hide_input=True, confirmation_prompt="The same again", err=True)
    return given
