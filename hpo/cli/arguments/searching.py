"""Options of a search, shared by running it here and by leaving it to a fleet."""

from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.arguments import complete
from hpo.cli.arguments.numbers import whole
from hpo.errors import UsageError
from hpo.settings import DEFAULT_PRUNER, DEFAULT_SAMPLER, PRUNERS, SAMPLERS
from hpo.study.objectives import COSTS

__all__ = [
    "Fidelity",
    "Name",
    "NoBaseline",
    "Objectives",
    "Prior",
    "Pruner",
    "Sampler",
    "SearchSeed",
    "Trials",
    "TryFile",
    "prior_asked",
]

Trials = Annotated[
    int,
    typer.Option(
        "--trials",
        "-n",
        metavar="N",
        parser=whole(1, 1_000_000),
        help="Configurations the study draws in total, earlier runs included.",
        show_default=False,
    ),
]
Fidelity = Annotated[
    str | None,
    typer.Option(
        "--fidelity",
        metavar="NAME",
        help="The fidelity of every trial.  [default: climb from the definition's first to its last]",
        autocompletion=complete.fidelities,
        show_default=False,
    ),
]
Sampler = Annotated[
    str | None,
    typer.Option(
        "--sampler",
        metavar="NAME",
        help=f"{', '.join(SAMPLERS)}.  [default: the study's, {DEFAULT_SAMPLER} for a new one]",
        autocompletion=complete.samplers,
    ),
]
Pruner = Annotated[
    str | None,
    typer.Option(
        "--pruner",
        metavar="NAME",
        help=f"{', '.join(PRUNERS)}.  [default: the study's, {DEFAULT_PRUNER} for a new one]",
        autocompletion=complete.pruners,
    ),
]
SearchSeed = Annotated[
    int | None,
    typer.Option(
        "--seed", metavar="S", parser=whole(0, 2**32 - 1), help="Seed of all that is drawn.  [default: drawn]"
    ),
]
Objectives = Annotated[
    str | None,
    typer.Option(
        "--objectives",
        metavar="METRIC,COST",
        help=f"Search the front of the metric and costs: {', '.join(COSTS)}.  [default: the metric alone]",
        show_default=False,
    ),
]
Name = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="The study's name.  [default: DEFINITION-SPACE]"),
]
TryFile = Annotated[
    Path | None,
    typer.Option("--try", metavar="FILE", help="JSON: a configuration, or a list of them, to try first."),
]
Prior = Annotated[
    str | None,
    typer.Option(
        "--prior",
        metavar="NAME|FILE|none",
        help="The hand-picked configuration to begin with and to beat.  [default: the definition's first baseline]",
        show_default=False,
    ),
]
NoBaseline = Annotated[bool, typer.Option("--no-baseline", help="As --prior none: begin with no configuration.")]


def prior_asked(prior: str | None, no_baseline: bool) -> str | None:
    """What is asked for of the hand-picked configuration. Raises UsageError where that contradicts itself."""
    if not no_baseline:
        return prior
    if prior not in (None, "none"):
        raise UsageError(f"--no-baseline begins with no configuration, and --prior {prior} with one: leave one out")
    return "none"
