"""`hpo compare`: the optimum of a search against the hand-picked configuration."""

import shlex
from contextlib import closing
from enum import StrEnum
from typing import Annotated

import typer

from hpo.cli import completion
from hpo.cli.options import AsJson, Quiet, Storage, Study, Timeout, TrialTimeout, Workers, examples, real, whole
from hpo.cli.printing.comparison_text import announce, show
from hpo.cli.printing.console import document, say_next
from hpo.cli.printing.progress_bar import Stages
from hpo.errors import HpoError
from hpo.settings import storage_url

__all__ = ["compare", "register"]


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
    )
    app.command(short_help="Does the search's optimum beat the hand-picked configuration?", epilog=epilog)(compare)


def compare(
    study: Study,
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
    workers: Workers = None,
    timeout: Timeout = None,
    trial_timeout: TrialTimeout = None,
    require: Annotated[
        Wanted | None, typer.Option(help="Exit with 1 unless this is the verdict.", show_default=False)
    ] = None,
    storage: Storage = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Race the best trials of a search, then train the winner and the hand-picked configuration in pairs, and judge.

    The same command goes on where it stopped, and a larger --pairs adds to the pairs there are.
    """
    from hpo.experiments.compare.comparison_plan import plan_comparison
    from hpo.experiments.compare.comparison_request import CompareRequest
    from hpo.experiments.compare.comparison_run import run_comparison
    from hpo.fleet.run_limits import Limits

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
