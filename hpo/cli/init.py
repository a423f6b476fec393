"""`hpo init`: a file to begin with, from a few questions or from options."""

import shlex
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hpo.cli.options import examples
from hpo.cli.printing.console import say, tell
from hpo.errors import UsageError
from hpo.study.checked_records import article

if TYPE_CHECKING:
    from hpo.experiments.starter_record import Starter

__all__ = ["init", "register"]


class KindName(StrEnum):
    """What is written."""

    objective = "objective"
    definition = "definition"
    command = "command"


class Better(StrEnum):
    """Which values are better."""

    maximize = "maximize"
    minimize = "minimize"


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples(
        "hpo init tune.py",
        "hpo init study.py --kind definition",
        "hpo init train.toml --command 'python train.py' --param rate=1e-4:0.1:log --direction maximize",
    )
    app.command(short_help="Write a file to begin with: an objective, a definition, a program.", epilog=epilog)(init)


def init(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="To write: .py, or .toml for a program; one that is there is left alone."),
    ],
    kind: Annotated[
        KindName | None,
        typer.Option(help="What it says.  [default: an objective in .py, a command in .toml]", show_default=False),
    ] = None,
    direction: Annotated[
        Better | None, typer.Option(help="Which values are better.  [default: minimize]", show_default=False)
    ] = None,
    metric: Annotated[
        str | None, typer.Option(metavar="NAME", help="What the value is called.  [default: loss]", show_default=False)
    ] = None,
    params: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            metavar="NAME=LOW:HIGH[:log|:STEP]|NAME=A,B",
            help="A parameter and its values; once for each.  [default: rate, layers and optimizer]",
            show_default=False,
        ),
    ] = None,
    command: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS", help="How the program is started.  [default: a stand-in is written]", show_default=False
        ),
    ] = None,
) -> None:
    """Write a file that runs at once and tells what to put in its place.

    At a terminal, without options, it asks. An objective is a function of an Optuna trial, in any framework; a
    definition has the data and the model of a Keras network, which hpo trains and measures; a command is any program.
    """
    from hpo.experiments.starter_files import kind_of, write_starter
    from hpo.experiments.starter_record import USUAL, Starter, param

    if file.exists():
        raise UsageError(f"{file} is there already, and is left as it is: name another file")
    usual = kind_of(file)
    asks = sys.stdin.isatty() and all(each is None for each in (kind, direction, metric, params, command))
    chosen = kind.value if kind is not None else _kind_asked(usual) if asks else usual
    if (chosen == "command") != (usual == "command"):
        raise UsageError(
            f"{article(chosen)} {chosen} is written to a file that ends in {'.toml' if chosen == 'command' else '.py'}"
        )
    if chosen != "command" and command is not None:
        raise UsageError(f"--command is of a program's file, which ends in .toml, not of {file}")
    given: dict[str, Any] = {"direction": direction and direction.value, "metric": metric, "command": command}
    if chosen == "definition":
        if any(each is not None for each in (direction, metric, params)):
            raise UsageError("a definition's metric and parameters stand in its code: write it, and change them there")
    elif asks:
        given = _asked(chosen, lambda text: param(text)[0])
        params = given.pop("params")
    wanted = Starter(
        kind=chosen,  # type: ignore[arg-type]
        params=dict(map(param, params)) if params else USUAL,
        **{name: value for name, value in given.items() if value is not None},
    )
    written = write_starter(file, wanted)
    for each in written:
        tell(f"written: {each}")
    say(f"next: {_first_command(file, wanted)}")


def _first_command(file: Path, wanted: "Starter") -> str:
    attribute = {"objective": ":objective", "definition": ":study", "command": ""}[wanted.kind]
    return f"hpo optimize {shlex.quote(f'{file}{attribute}')} --trials 30"


def _kind_asked(usual: str) -> str:
    """Of a file of Python either of two; a program's is no question."""
    if usual == "command":
        return usual
    say("An objective trains whatever it trains itself; of a definition hpo trains the Keras model.")
    answer = typer.prompt("objective or definition", default=usual, err=True)
    if answer not in ("objective", "definition"):
        raise UsageError(f"{answer!r:.40} is neither objective nor definition")
    return str(answer)


def _asked(kind: str, refuse: Callable[[str], object]) -> dict[str, Any]:
    """The answers; `refuse` refuses what is no parameter."""
    command = None
    if kind == "command":
        command = typer.prompt("how is the program started (empty: a stand-in is written)", default="", err=True)
    direction = typer.prompt("maximize or minimize", default="minimize", err=True)
    metric = typer.prompt("what is the value called", default="loss", err=True)
    say("Parameters: rate=1e-4:0.1:log, layers=1:6, optimizer=sgd,adam; empty: that is all.")
    params: list[str] = []
    while text := typer.prompt("parameter", default="", show_default=False, err=True):
        refuse(text)
        params.append(text)
    return {"direction": direction, "metric": metric, "command": command, "params": params}
