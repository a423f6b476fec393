"""`hpo adopt`: a study of plain Optuna becomes one that hpo goes on with."""

import shlex
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.options import AsJson, Pruner, Sampler, Storage, examples
from hpo.cli.printing.console import count, document, say_next, tell
from hpo.errors import UsageError
from hpo.settings import PRUNERS, SAMPLERS, storage_url

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

__all__ = ["adopt", "register"]


class Running(StrEnum):
    """What becomes of trials that were running."""

    fail = "fail"
    leave = "leave"


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples(
        "hpo adopt sqlite:///optuna.db my-study",
        "hpo adopt postgresql://me@db/optuna my-study --name mine --sampler random",
        "hpo adopt journal.log my-study --running leave",
    )
    app.command(short_help="Take over a study of plain Optuna, to go on with it.", epilog=epilog)(adopt)


def adopt(
    source: Annotated[
        str,
        typer.Argument(
            metavar="STORAGE-URL",
            help="Database that Optuna made, or the file of its journal; nothing there is changed.",
            show_default=False,
        ),
    ],
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Name of the study there.", show_default=False)],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What it is called here.  [default: as there]")
    ] = None,
    sampler: Sampler = None,
    pruner: Pruner = None,
    running: Annotated[
        Running, typer.Option(help="Trials that were running: failed here, or left out.")
    ] = Running.fail,
    timezone: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE",
            help="Of the machine that wrote a database of Optuna 4, such as Europe/Berlin.  [default: this machine's]",
            show_default=False,
        ),
    ] = None,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Copy a study of Optuna's, trials and all that belongs to them, into the storage of hpo.

    Each trial that has ended counts as one of the study's. Then every command looks at it, and hpo optimize goes on:
    it names the objective.
    """
    from hpo import storage as storages
    from hpo.storage.studies import adoption
    from hpo.storage.studies.foreign_study import read_foreign
    from hpo.storage.studies.study_record import refuse_odd_name

    for kind, given, known in (("sampler", sampler, SAMPLERS), ("pruner", pruner, PRUNERS)):
        if given is not None and given not in known:
            raise UsageError(f"there is no {kind} {given!r}; there are: {', '.join(known)}")
    if name is not None:
        refuse_odd_name(name)
    foreign = read_foreign(source, study, zone=_zone(timezone))
    opened = storages.prepare(storage or storage_url())
    found = adoption.adopt(
        opened,
        foreign,
        name=name,
        sampler=sampler,
        pruner=pruner,
        running="leave" if running is Running.leave else "fail",
    )
    adopted = found.record.name
    if as_json:
        document({"study": adopted, **{key: value for key, value in asdict(found).items() if key != "record"}})
        return
    ended = found.complete + found.pruned + found.failed
    tell(
        f"{adopted}: {count(ended, 'trial')} taken over ({found.complete} complete, {found.pruned} pruned, "
        f"{found.failed} failed)"
    )
    if found.open:
        tell(f"  {count(found.open, 'trial')} that waited will be run first")
    if found.left:
        tell(f"  {count(found.left, 'trial')} that was running left out")
    if foreign.corrected:
        tell("  its times were those of a clock, as Optuna 4 wrote them, and are put right")
    more = 2 * max(ended + found.open, 1)
    tell(f"to go on: hpo optimize FILE.py:objective --trials {more} --name {shlex.quote(adopted)}")
    say_next(f"hpo status {shlex.quote(adopted)}", storage)


def _zone(name: str | None) -> "ZoneInfo | None":
    """The zone of that name. Raises UsageError."""
    if name is None:
        return None
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f"there is no time zone {name!r}; one is called as in Europe/Berlin") from None
