"""`hpo compare`: the optimum of a search against the hand-picked configuration, or paired scores in a file."""

import shlex
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hpo.cli import completion
from hpo.cli.options import (
    AsJson,
    Observe,
    Quiet,
    Storage,
    Timeout,
    TrialTimeout,
    Workers,
    directions_asked,
    examples,
    real,
    whole,
)
from hpo.cli.printing.comparison_text import announce, show, show_scores
from hpo.cli.printing.console import document, say_next
from hpo.cli.printing.progress_bar import Stages
from hpo.errors import HpoError, UsageError
from hpo.settings import storage_url

__all__ = ["compare", "register"]

_OF_STUDIES = (
    "pairs",
    "baseline",
    "fidelity",
    "candidates",
    "rounds",
    "resample",
    "workers",
    "timeout",
    "trial_timeout",
    "observe",
    "storage",
    "quiet",
)
"""Parameters of the command that mean nothing for a file of scores."""


class Wanted(StrEnum):
    """A verdict somebody may insist on."""

    better = "better"
    worse = "worse"
    equivalent = "equivalent"


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples(
        "hpo compare fcnn --pairs 30",
        "hpo compare cnn-wide --pairs 8 --fidelity quick",
        "hpo compare fcnn --resample --require better --json",
        "hpo compare scores.csv --columns new,old --direction maximize",
        "hpo compare runs.csv --long model,seed,loss --columns new,old --direction minimize",
    )
    app.command(short_help="Does the search's optimum beat the hand-picked configuration?", epilog=epilog)(compare)


def compare(
    ctx: typer.Context,
    study: Annotated[
        str,
        typer.Argument(
            metavar="STUDY|FILE.csv",
            help="A study's name, or a definition's where it has a single study; or a file of paired scores.",
            autocompletion=completion.studies,
            show_default=False,
        ),
    ],
    pairs: Annotated[
        int,
        typer.Option(metavar="N", parser=whole(1, 10_000), help="Paired trainings in total, earlier runs included."),
    ] = 12,
    baseline: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Hand-picked configuration.  [default: the definition's first]"),
    ] = None,
    fidelity: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="How much work a training of the final is.  [default: the definition's last]",
            autocompletion=completion.fidelities,
            show_default=False,
        ),
    ] = None,
    candidates: Annotated[
        int,
        typer.Option(metavar="N", parser=whole(1, 100), help="Best trials of the search that enter the race."),
    ] = 5,
    rounds: Annotated[int, typer.Option(metavar="N", parser=whole(1, 1000), help="Validation splits of the race.")] = 3,
    margin: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            parser=real,
            help="A difference of the metric too small to matter.  [default: the definition's]",
        ),
    ] = None,
    resample: Annotated[
        bool | None,
        typer.Option(
            "--resample/--no-resample",
            help="Let pairs on test rows drawn anew be the verdict, or leave them out.  "
            "[default: a second line where trials have folds]",
            show_default=False,
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Of a file: the two columns, a row a pair.", show_default=False),
    ] = None,
    long: Annotated[
        str | None,
        typer.Option(
            metavar="SIDE,PAIR,SCORE",
            help="Of a file with a row a run: which columns say whose it is, its pair (a seed), its score; "
            "--columns then names two sides.",
            show_default=False,
        ),
    ] = None,
    direction: Annotated[
        str | None,
        typer.Option(metavar="maximize|minimize", help="Of a file: which scores are better.", show_default=False),
    ] = None,
    workers: Workers = None,
    timeout: Timeout = None,
    trial_timeout: TrialTimeout = None,
    observe: Observe = None,
    require: Annotated[
        Wanted | None, typer.Option(help="Exit with 1 unless this is the verdict.", show_default=False)
    ] = None,
    storage: Storage = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Race the best trials of a search, then train the winner and the hand-picked configuration in pairs, and judge.

    The same command goes on where it stopped, and a larger --pairs adds to the pairs there are.

    Of a file (CSV, TSV) nothing is trained: its scores are judged by the same statistics. Each row has a column a side,
    or one run, with --long.
    """
    from hpo.experiments.compare.paired_scores import is_scores_file

    if is_scores_file(study):
        _refuse(ctx, _OF_STUDIES, "is about a study, not about a file of scores")
        _compare_file(Path(study), columns, long, direction, margin, require=require, as_json=as_json)
        return
    _refuse(ctx, ("columns", "long", "direction"), "is about a file of scores, such as scores.csv")
    from hpo.experiments.compare.comparison_plan import plan_comparison
    from hpo.experiments.compare.comparison_request import CompareRequest
    from hpo.experiments.compare.comparison_run import run_comparison
    from hpo.fleet.run_limits import Limits
    from hpo.observers.naming import asked

    request = CompareRequest(
        study=study,
        storage=storage or storage_url(),
        pairs=pairs,
        baseline=baseline,
        fidelity=fidelity,
        candidates=candidates,
        rounds=rounds,
        margin=margin,
        resample=resample,
        limits=Limits(workers=workers, timeout=timeout, trial_timeout=trial_timeout),
        observers=asked(observe),
    )
    with closing(plan_comparison(request)) as plan:
        announce(plan)
        with Stages(plain=quiet) as display:
            report = run_comparison(plan, display)
    if as_json:
        document(report.to_json())
    else:
        show(report)
        say_next(f"hpo report {shlex.quote(report.study)} -o {shlex.quote(f'{report.study}.html')}", storage)
    if require is not None and (why := report.shortfall(require.value)):
        raise HpoError(why)


def _refuse(ctx: typer.Context, names: tuple[str, ...], why: str) -> None:
    """Refuse options that were given and have no meaning here. Raises UsageError."""
    for name in names:
        source = ctx.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise UsageError(f"--{name.replace('_', '-')} {why}: leave it out")


def _compare_file(
    file: Path,
    columns: str | None,
    long: str | None,
    direction: str | None,
    margin: float | None,
    *,
    require: Wanted | None,
    as_json: bool,
) -> None:
    """Judge the scores in a file."""
    from hpo.experiments.compare.paired_scores import judge_scores

    directions = directions_asked(direction)
    if columns is None or len(directions) != 1:
        raise UsageError(
            f"of {file} say which columns to compare and which scores are better: --columns A,B --direction maximize"
        )
    found = judge_scores(file, _names(columns), _names(long or ""), directions[0], margin)
    document(found.to_json()) if as_json else show_scores(found)
    if require is not None and (why := found.shortfall(require.value)):
        raise HpoError(why)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")] if text else []
