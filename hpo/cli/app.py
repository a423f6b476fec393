"""The Typer application: every command, in the order `hpo --help` lists them."""

from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from hpo.cli import (
    adopt,
    compare,
    dashboard,
    export,
    fleet,
    importance,
    init,
    maintenance,
    mcp,
    optimize,
    report,
    show,
    studies,
    sweep,
    train,
    worker,
)
from hpo.cli.options import examples
from hpo.cli.printing.console import apart

__all__ = ["app"]


class _Command(TyperCommand):
    """A command in which stdout is for its results alone."""

    def invoke(self, ctx: Any) -> Any:
        with apart():
            return super().invoke(ctx)


class _App(typer.Typer):
    """An application of such commands."""

    def command(self, name: str | None = None, **options: Any) -> Callable[[Any], Any]:
        return super().command(name, cls=_Command, **options)


# Plain help, not Rich's: it keeps examples as they are written and takes half the time to show.
app = _App(
    name="hpo",
    help="Search the hyperparameters of a Keras model, on this machine or many, and lose no trial.",
    epilog=examples(
        "hpo show cnn",
        "hpo optimize cnn --trials 50",
        "hpo best cnn",
        "hpo train cnn --config best -o cnn.keras",
    ),
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"hpo {version('hpo-service')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    pass


for group in (
    optimize,
    worker,
    fleet,
    studies,
    sweep,
    compare,
    report,
    dashboard,
    mcp,
    importance,
    export,
    train,
    show,
    init,
    adopt,
    maintenance,
):
    group.register(app)
