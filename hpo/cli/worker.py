"""`hpo worker`: serve open slots, of whatever study."""

import os
from typing import Annotated

import typer

from hpo.cli import completion
from hpo.cli.options import KeepBest, KeepModels, Observe, Storage, examples, megabytes, seconds, whole
from hpo.settings import LEASE_SECONDS, MAX_ATTEMPTS, models_number, storage_url

__all__ = ["register", "worker"]


def _seconds_or_zero(text: str) -> float:
    """What `seconds` takes, and 0."""
    return 0.0 if str(text).strip() in ("0", "0.0", "0s") else seconds(text)


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples(
        "hpo worker",
        "hpo worker --processes 4 --drain",
        "hpo worker --study cnn-report --cpu",
        "hpo worker --workers-per-gpu 2 --log json",
        "hpo worker --processes 1 --idle 0 --for 3h50m",
    )
    app.command(short_help="Serve any study's open trials on this machine, until stopped.", epilog=epilog)(worker)


def worker(
    processes: Annotated[
        int | None,
        typer.Option(
            metavar="N", parser=whole(1, 256), help="Workers to run.  [default: one a GPU's seat, else one a core]"
        ),
    ] = None,
    drain: Annotated[bool, typer.Option("--drain", help="End once all that is open is settled.")] = False,
    idle: Annotated[
        float | None,
        typer.Option(
            metavar="TIME",
            parser=_seconds_or_zero,
            help="End once there was nothing to take for so long; 0: at once.  [default: wait]",
            show_default=False,
        ),
    ] = None,
    max_trials: Annotated[
        int | None,
        typer.Option(metavar="N", parser=whole(1, 1_000_000), help="Begin so many trials in all, and end after them."),
    ] = None,
    for_: Annotated[
        float | None,
        typer.Option(
            "--for",
            metavar="TIME",
            parser=seconds,
            help="End after so long: 3h, 50m. Nothing begins that would take longer, by what trials of its study took.",
        ),
    ] = None,
    with_launcher: Annotated[
        bool, typer.Option("--with-launcher", help="End when the process that started this one does.")
    ] = False,
    workers_per_gpu: Annotated[
        int, typer.Option(metavar="K", parser=whole(1, 256), help="Workers that share a GPU.")
    ] = 1,
    cpu: Annotated[bool, typer.Option("--cpu", help="Train on cores although there is a GPU.")] = False,
    study: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STUDY",
            help="Serve this study alone; may be given several times.  [default: all there are]",
            autocompletion=completion.studies,
            show_default=False,
        ),
    ] = None,
    max_attempts: Annotated[
        int, typer.Option(metavar="N", parser=whole(1, 1_000_000), help="Crashes a trial may see before it fails.")
    ] = MAX_ATTEMPTS,
    memory_limit: Annotated[
        int | None,
        typer.Option(metavar="SIZE", parser=megabytes, help="Replace a worker that has grown past this: 2G, 1500M."),
    ] = None,
    lease: Annotated[
        float,
        typer.Option(metavar="TIME", parser=seconds, help="A worker not heard of for so long loses its trial."),
    ] = LEASE_SECONDS,
    log: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="text or json, a line an event on stderr.  [env: HPO_LOG; default: text]"),
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            metavar="REFERENCE", hidden=True, help="A function beat -> objective to run in place of training."
        ),
    ] = None,
    observe: Observe = None,
    keep_models: KeepModels = None,
    keep_best: KeepBest = None,
    storage: Storage = None,
) -> int:
    """Serve the open trials of any study, fairly between studies, with workers on this machine, until stopped.

    SIGTERM, SIGUSR1, SIGUSR2 or Ctrl-C: what is in hand goes back with its parameters within seconds. A database that
    is away, or not made yet, is waited for.
    """
    from hpo import logs
    from hpo.experiments.best_model import models_kept
    from hpo.fleet.protocol import WorkOrder
    from hpo.fleet.run_limits import Limits
    from hpo.fleet.supervisor.fleet_run import run_fleet
    from hpo.observers.hosting import observing
    from hpo.observers.naming import asked

    kind = logs.kind(log)
    url = storage or storage_url()
    order = WorkOrder(
        storage=url,
        limits=Limits(
            workers=processes,
            max_attempts=max_attempts,
            max_trials=max_trials,
            timeout=for_,
            memory_limit=None if memory_limit is None else memory_limit << 20,
            lease_seconds=lease,
            keep_models=models_kept(keep_models, url),
            keep_best=models_number(keep_best),
        ),
        drain=drain,
        idle=idle,
        gpus=not cpu,
        workers_per_gpu=workers_per_gpu,
        only=tuple(dict.fromkeys(study or ())),
        objective=objective,
        log=kind,
    )
    launcher = os.getppid() if with_launcher else None
    logs.configure(kind)
    with observing(order.storage, asked(observe), order.only or None):
        stopped = run_fleet(order, launcher=launcher)
    # To be stopped is how a service ends; only one that was to end by itself was interrupted.
    return 130 if stopped and drain else 0
