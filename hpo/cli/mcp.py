"""`hpo mcp`: studies for a language model, by the Model Context Protocol."""

import os
import sys
from typing import Annotated

import typer

from hpo.cli.options import Storage, examples, whole
from hpo.cli.printing.console import results, say
from hpo.errors import HpoError, UsageError
from hpo.settings import MOST_OPEN, storage_url

__all__ = ["mcp", "register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples(
        "hpo mcp",
        "hpo mcp --storage sqlite:///hpo.db --allow-submit --budget 200",
        "hpo mcp --url https://hpo.example.org",
    )
    app.command(short_help="Serve studies to a language model (MCP), on stdin and stdout.", epilog=epilog)(mcp)


def mcp(
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The hpo dashboard to ask, with the token in HPO_TOKEN.  [default: the storage itself]",
            show_default=False,
        ),
    ] = None,
    allow_submit: Annotated[
        bool, typer.Option("--allow-submit", help="Offer to submit, stop and resume studies, too.")
    ] = False,
    budget: Annotated[
        int | None,
        typer.Option(
            metavar="TRIALS",
            parser=whole(0, 1_000_000),
            help="Trials that may be opened until this ends; a dashboard's token has its own.",
            show_default=False,
        ),
    ] = None,
    storage: Storage = None,
) -> None:
    """Serve studies to a language model until its program closes the connection.

    That program starts this command, and speaks the Model Context Protocol on its standard input and output. Without
    --allow-submit nothing can be changed.
    """
    _refuse_together(url, storage, allow_submit=allow_submit, budget=budget)
    try:
        from hpo.mcp.stdio import serve
    except ImportError as error:
        raise HpoError(f"hpo mcp needs mcp: pip install 'hpo-service[mcp]' ({error})") from None
    from hpo.mcp.interface_client import TOKEN, in_process, remote

    if url is not None:
        opened = remote(url, os.environ.get(TOKEN) or None)
    else:
        opened = in_process(storage or storage_url(), budget=budget, most_open=MOST_OPEN)
    with opened as client:
        say("hpo mcp: serving on standard input and output until the input ends")
        serve(client, changes=allow_submit, given=sys.stdin, told=results())


def _refuse_together(url: str | None, storage: str | None, *, allow_submit: bool, budget: int | None) -> None:
    """Refuse options that say nothing together. Raises UsageError."""
    if url is not None and storage is not None:
        raise UsageError("--url asks a dashboard, which has a storage of its own: leave --storage out, or --url")
    if url is not None and budget is not None:
        raise UsageError("--url asks a dashboard, where the token has its budget: leave --budget out")
    if budget is not None and not allow_submit:
        raise UsageError("--budget says how many trials may be opened: add --allow-submit, or leave it out")
    if url is None and allow_submit and budget is None:
        raise UsageError("--allow-submit needs a limit: say how many trials may be opened, --budget TRIALS")
