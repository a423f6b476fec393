"""`hpo stop` and `hpo resume`: halt a study on every machine, and let it go on."""

import getpass
import shlex
import socket
from dataclasses import asdict
from typing import Annotated

import typer

from hpo.cli.arguments.options import AsJson, Storage, Study, examples
from hpo.cli.printing.console import document, tell
from hpo.cli.printing.fleet_text import show_serving
from hpo.cli.printing.phrases import count
from hpo.settings import storage_url

__all__ = ["register", "resume", "stop"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        short_help="Halt a study on every machine; nothing is lost.",
        epilog=examples("hpo stop cnn", "hpo stop cnn-wide-full --now --why 'the data were wrong'"),
    )(stop)
    app.command(
        short_help="Let a stopped study go on.",
        epilog=examples("hpo resume cnn", "hpo resume cnn-wide-full --json"),
    )(resume)


def stop(
    study: Study,
    now: Annotated[
        bool, typer.Option("--now", help="Give back what is in hand, to be tried again with the same parameters.")
    ] = False,
    why: Annotated[str | None, typer.Option(metavar="TEXT", help="The reason, for those who wonder.")] = None,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Begin nothing more in a study, on any machine; trials in hand are finished and count, unless --now."""
    from hpo import storage as storages
    from hpo.storage.queries import status
    from hpo.storage.studies import find, halting
    from hpo.storage.studies.refusals import stopped

    opened = storages.open(storage or storage_url())
    name = find(opened, study).name
    changed = halting.stop(opened, name, by=_me(), why=why, now=now)
    found = status.study_status(opened, name)
    if as_json:
        document(asdict(found))
        return
    if changed:
        tell(f"{name} is stopped: nothing more of it begins, on any machine")
    else:
        tell(f"{name} {stopped(find(opened, name))} already")
    if found.settled == found.target:
        tell("nothing of it is open now: it holds for trials that are added")
    elif found.running:
        tell(f"{count(found.running, 'trial')} in hand: finished, and counted; --now gives such back")
    elif now:
        tell("nothing is in hand any more; what was goes on with the same parameters once it is resumed")
    done = (
        f"all {found.target} trials" if found.settled == found.target else f"{found.settled} of {found.target} trials"
    )
    tell(f"{done} are done; hpo resume {shlex.quote(name)} lets it go on")


def resume(study: Study, storage: Storage = None, as_json: AsJson = False) -> None:
    """Let a stopped study go on; workers that are there take it up by themselves."""
    from hpo import storage as storages
    from hpo.storage.queries import status
    from hpo.storage.queries.active_workers import serving
    from hpo.storage.studies import find, halting

    opened = storages.open(storage or storage_url())
    name = find(opened, study).name
    changed = halting.resume(opened, name)
    found = status.study_status(opened, name)
    if as_json:
        document(asdict(found))
        return
    tell(f"{name} goes on" if changed else f"{name} is not stopped")
    tell(f"{found.settled} of {found.target} trials are done, {found.running} in hand, {found.open} open")
    if found.state != "done":
        show_serving(serving(opened, name))


def _me() -> str:
    """Who is at this keyboard, for whoever finds a study stopped."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        user = "somebody"
    return f"{user} on {socket.gethostname()}"
