"""`hpo sweep`: the tables of a definition, measured."""

import shlex
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli import completion
from hpo.cli.options import AsJson, Definition, Observe, Quiet, Storage, Timeout, TrialTimeout, Workers, examples, whole
from hpo.cli.printing.console import Interrupted, document, say
from hpo.cli.printing.progress_bar import Display
from hpo.settings import storage_url

if TYPE_CHECKING:
    from hpo.experiments.sweep.sweep_plan import SweepRequest

__all__ = ["register", "sweep"]

_REPEATS = 1_000  # as many as anybody needs


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples(
        "hpo sweep fcnn --repeats 3",
        "hpo sweep cnn layers kernel --fidelity quick",
        "hpo sweep cnn --greedy --fidelity quick",
        "hpo sweep dnn ablation-4 --repeats 3 --fidelity quick",
    )
    app.command(short_help="Train the tables of a definition; beside them its source's figures.", epilog=epilog)(sweep)


def sweep(
    definition: Definition,
    sweeps: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SWEEP",
            help="Tables to run; hpo show DEFINITION lists them. All of them where it is left out.",
            autocompletion=completion.sweeps,
            show_default=False,
        ),
    ] = None,
    repeats: Annotated[
        int,
        typer.Option(
            metavar="K",
            parser=whole(1, _REPEATS),
            help="Trainings of each row, with seeds of their own, earlier runs included. From 2 on there is a ± and a "
            "verdict; 3 are a good beginning.",
        ),
    ] = 1,
    fidelity: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="How many epochs.  [default: the definition's last, as its source trained]",
            autocompletion=completion.fidelities,
            show_default=False,
        ),
    ] = None,
    greedy: Annotated[
        bool,
        typer.Option(
            "--greedy",
            help="Follow the hand method anew: each table from the winner so far, chosen on validation rows.",
        ),
    ] = False,
    workers: Workers = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="S", parser=whole(0, 2**32 - 1), help="Seed of all that is drawn.  [default: the study's, 0 if new]"
        ),
    ] = None,
    storage: Storage = None,
    timeout: Timeout = None,
    trial_timeout: TrialTimeout = None,
    observe: Observe = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Train the tables of a definition, and show what was measured beside what the report they are from says.

    Each row is trained on all development rows from its table's own base configuration and scored on the test rows.
    What has been trained is kept: the same command goes on where it stopped, more repeats add to it. Tables of a
    chapter that prints no figures (dnn, transfer) tell what each technique adds.
    """
    from hpo.experiments.sweep.sweep_plan import SweepRequest
    from hpo.fleet.run_limits import Limits
    from hpo.observers.naming import asked

    request = SweepRequest(
        definition=definition,
        sweeps=tuple(sweeps or ()),
        greedy=greedy,
        repeats=repeats,
        fidelity=fidelity,
        storage=storage or storage_url(),
        seed=seed,
        limits=Limits(workers=workers, timeout=timeout, trial_timeout=trial_timeout),
        observers=asked(observe),
    )
    (_greedy if greedy else _sweep)(request, plain=quiet, as_json=as_json)


def _sweep(request: "SweepRequest", *, plain: bool, as_json: bool) -> None:
    from hpo.cli.printing.sweep_text import announce, conclude
    from hpo.experiments.sweep.sweep_plan import plan_sweep
    from hpo.experiments.sweep.sweep_run import run_sweep

    with closing(plan_sweep(request)) as plan, Display(lambda: announce(plan), plain=plain) as display:
        report = run_sweep(plan, display)
    if as_json:
        document(report.to_json())
    if report.ended == "interrupted":
        raise _interrupted(f"{report.jobs} of {report.jobs + report.left} trainings done; they are")
    if report.ended == "stopped":
        _stopped(plan.study)
    if not as_json:
        conclude(report, plan)


def _greedy(request: "SweepRequest", *, plain: bool, as_json: bool) -> None:
    from hpo.cli.printing.sweep_text import announce_greedy, conclude_greedy
    from hpo.experiments.sweep.sweep_plan import plan_sweep
    from hpo.experiments.sweep.sweep_run import run_greedy

    with closing(plan_sweep(request)) as plan, Display(lambda: announce_greedy(plan), plain=plain) as display:
        report = run_greedy(plan, display)
    if as_json:
        document(report.to_json())
    if report.ended == "interrupted":
        raise _interrupted(f"{len(report.tables)} of {len(plan.sweeps)} tables decided; all that is trained is")
    if report.ended == "stopped":
        _stopped(plan.study)
    if not as_json:
        conclude_greedy(report)


def _stopped(study: str) -> None:
    say(f"study {study} was stopped before all was done; hpo resume {shlex.quote(study)} lets it go on")


def _interrupted(what: str) -> Interrupted:
    return Interrupted(f"interrupted with {what} kept, and the same command goes on from there")
