"""The Typer application: every command, in the order `hpo --help` lists them."""

from typing import Annotated

import typer

from hpo.cli import (
    compare,
    control,
    dashboard,
    data,
    db,
    doctor,
    export,
    importance,
    optimize,
    report,
    show,
    studies,
    submit,
    sweep,
    train,
    worker,
)
from hpo.cli.arguments.examples import examples

__all__ = ["app"]

# Plain help, not Rich's: it keeps examples as they are written and takes half the time to show.
app = typer.Typer(
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
    submit,
    worker,
    studies,
    control,
    sweep,
    compare,
    report,
    dashboard,
    importance,
    export,
    train,
    show,
    data,
    db,
    doctor,
):
    group.register(app)
