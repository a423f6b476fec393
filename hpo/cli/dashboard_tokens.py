"""`hpo dashboard token`: what programs are let in by."""

from typing import Annotated

import typer

from hpo.cli.options import AsJson, Storage, examples, seconds, whole
from hpo.cli.printing.console import document, say, table, tell
from hpo.settings import storage_url

__all__ = ["create", "register", "revoke", "tokens"]

_Name = Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits and . _ @ -", show_default=False)]


def register(dashboard: typer.Typer) -> None:
    """Add the commands to those of the dashboard."""
    group = typer.Typer(rich_markup_mode=None, no_args_is_help=True)
    epilog = examples(
        "hpo dashboard token create ci", "hpo dashboard token create night --scope write --budget 500 --expires 30d"
    )
    group.command(epilog=epilog, short_help="Make a token; it is shown once.")(create)
    group.command("list", short_help="Which there are, and what they may still do.")(tokens)
    group.command(short_help="Let nobody in by a token any more.")(revoke)
    dashboard.add_typer(group, name="token", short_help="Tokens, by which programs are let in.")


def create(
    name: _Name,
    scope: Annotated[
        str, typer.Option(metavar="read|write", help="Look at studies, or also stop, resume and submit them.")
    ] = "read",
    budget: Annotated[
        int,
        typer.Option(
            metavar="TRIALS", parser=whole(0, 1_000_000), help="Trials it may open in all, with --scope write."
        ),
    ] = 0,
    expires: Annotated[
        float, typer.Option(metavar="TIME", parser=seconds, help="How long it is good: 12h, 30d; at most 366d.")
    ] = "90d",  # type: ignore[assignment]
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Make a token for a program, and print it: it is shown this once, and only a hash of it is kept.

    It is sent as `Authorization: Bearer TOKEN` to every hpo dashboard of the database (docs/http.md).
    """
    from hpo import storage as storages
    from hpo.storage import program_tokens

    opened = storages.prepare(storage or storage_url())
    text = program_tokens.create(opened, name, scope=scope, budget=budget, seconds=expires)  # type: ignore[arg-type]
    if as_json:
        document({"name": name, "token": text})
        return
    tell(text)
    right = f"may look, stop, resume, and open {budget:,} trials" if scope == "write" else "may look"
    say(f"{name} {right}; this is shown once: keep it where only the program reads it")


def tokens(storage: Storage = None, as_json: AsJson = False) -> None:
    """Which tokens there are, and what they may still do; never the tokens themselves."""
    from hpo import storage as storages
    from hpo.storage import program_tokens

    found = program_tokens.list_all(storages.open(storage or storage_url()))
    if as_json:
        document(found)
    elif not found:
        tell("no token yet: hpo dashboard token create NAME")
    else:
        rows = [
            [
                one.name,
                "look and write" if one.scope == "write" else "look",
                f"{one.left:,} of {one.budget:,}" if one.scope == "write" else "-",
                f"{one.expires_at:%Y-%m-%d %H:%M} UTC{': over' if one.expired else ''}",
            ]
            for one in found
        ]
        table(["token", "may", "trials left", "until"], rows, right=(2,))


def revoke(name: _Name, storage: Storage = None) -> None:
    """Let nobody in by a token any more, at once; what it submitted stays."""
    from hpo import storage as storages
    from hpo.storage import program_tokens

    program_tokens.revoke(storages.open(storage or storage_url()), name)
    say(f"nobody is let in by {name} any more")
