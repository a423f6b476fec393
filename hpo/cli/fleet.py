"""`hpo fleet`: have an engine start as many workers as there are trials to take, look at them, and end them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli import completion
from hpo.cli.options import AsJson, Storage, examples, real, seconds, whole
from hpo.cli.printing.console import count, document, duration, say, table, tell
from hpo.errors import UsageError
from hpo.settings import storage_url

if TYPE_CHECKING:
    from hpo.fleet.engines.fleet_engine import Engine

__all__ = ["down", "register", "status", "up", "wanted"]

_Engine = Annotated[str, typer.Argument(metavar="ENGINE", help="local, slurm, ray or kubernetes.", show_default=False)]
_Name = Annotated[
    str, typer.Option("--name", metavar="NAME", help="Of the fleet, where a database has several of one engine.")
]
_Arguments = Annotated[
    list[str] | None,
    typer.Argument(metavar="[-- ARGUMENT…]", help="For the engine, as they are.", show_default=False),
]
_Studies = Annotated[
    list[str] | None,
    typer.Option(
        "--study",
        metavar="STUDY",
        help="Serve this study alone; may be given several times.  [default: all there are]",
        autocompletion=completion.studies,
        show_default=False,
    ),
]
_Most = Annotated[
    int, typer.Option("--max-workers", metavar="N", parser=whole(1, 10_000), help="Never more.", show_default=False)
]
_Least = Annotated[
    int,
    typer.Option("--min-workers", metavar="N", parser=whole(0, 10_000), help="Never fewer, whatever there is to do."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    epilog = examples(
        "hpo fleet up slurm --max-workers 20 --walltime 4h -- --partition=gpu",
        "hpo fleet status slurm",
        "hpo fleet down slurm",
    )
    about = "Have an engine (Slurm, Ray, Kubernetes, this machine) run as many workers as there are trials to take."
    group = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help=about, epilog=epilog)
    group.command(
        short_help="Keep as many workers there as there is work for.",
        epilog=examples(
            "hpo fleet up local --max-workers 4 --drain",
            "hpo fleet up slurm --max-workers 20 --gpus-per-worker 1 --walltime 4h -- --partition=gpu",
            "hpo fleet up slurm --max-workers 20 --setup setup.sh --once",
            "hpo fleet up ray --max-workers 8 --gpus-per-worker 0.5 -- accelerator_type=A100",
            "hpo fleet up kubernetes --max-workers 8 --gpus-per-worker 1 -- --job=job.yaml --namespace=hpo",
        ),
    )(up)
    group.command(
        short_help="Its workers, and what there is to do.",
        epilog=examples(
            "hpo fleet status slurm", "hpo fleet status local --json", "hpo fleet status kubernetes -- --namespace=hpo"
        ),
    )(status)
    group.command(
        short_help="End its workers; what they have in hand goes back.", epilog=examples("hpo fleet down slurm")
    )(down)
    group.command(
        short_help="Print how many workers are wanted, for any other engine.",
        epilog=examples("hpo fleet wanted --max-workers 20", "hpo fleet wanted --max-workers 20 --there 3"),
    )(wanted)
    app.add_typer(group, name="fleet", short_help="Have Slurm, Ray, Kubernetes or this machine run the workers.")


def up(
    engine: _Engine,
    max_workers: _Most,
    arguments: _Arguments = None,
    min_workers: _Least = 0,
    gpus_per_worker: Annotated[
        float, typer.Option(metavar="G", parser=real, help="0, 1, or a part where the engine has parts.")
    ] = 0.0,
    cpus: Annotated[
        int | None,
        typer.Option(metavar="N", parser=whole(1, 4096), help="Cores for each worker.  [default: the engine's]"),
    ] = None,
    walltime: Annotated[
        float | None,
        typer.Option(metavar="TIME", parser=seconds, help="For each worker: 4h, 90m.  [default: the engine's]"),
    ] = None,
    setup: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Shell commands that go before each worker: module load, conda activate."),
    ] = None,
    idle: Annotated[
        float, typer.Option(metavar="TIME", parser=seconds, help="A worker with nothing to take for so long ends.")
    ] = "1m",  # type: ignore[assignment]
    every: Annotated[
        float, typer.Option(metavar="TIME", parser=seconds, help="Between looks at what there is to do.")
    ] = "15s",  # type: ignore[assignment]
    drain: Annotated[
        bool, typer.Option("--drain", help="End once all that is open is settled, and no worker is left.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Look once, start what is missing, and end.")] = False,
    study: _Studies = None,
    name: _Name = "hpo",
    storage: Storage = None,
) -> int:
    """Start a worker of ENGINE for each trial that one could take, up to --max-workers, until stopped.

    Workers end by themselves once they find nothing to take. Ctrl-C ends the looking: workers of local end with it, a
    cluster's go on, and hpo fleet down ends them. What follows -- is handed to the engine as it is.
    """
    from hpo import logs
    from hpo import storage as storages
    from hpo.fleet.engines import engine_catalog, scaling
    from hpo.fleet.engines.fleet_engine import WorkerJob, setup_of
    from hpo.fleet.supervisor.supervisor import Stops
    from hpo.storage import studies

    if once and drain:
        raise UsageError("--once looks once and --drain until all is settled: leave one of them out")
    bounds = scaling.Bounds(least=min_workers, most=max_workers)
    url = storage or storage_url()
    opened = storages.prepare(url)
    only = tuple(dict.fromkeys(studies.find(opened, word).name for word in study or ()))
    job = WorkerJob(
        storage=url,
        name=name,
        studies=only,
        cpus=cpus,
        gpus=gpus_per_worker,
        walltime=None if walltime is None else int(walltime),
        idle=idle,
        setup=setup_of(setup),
        extra=tuple(arguments or ()),
    )
    its = engine_catalog.engine(engine, job)
    its.start(0)  # what could not be started later is refused now
    if once:
        if not its.stays:
            raise UsageError(f"workers of {engine} end with the command that started them: leave out --once")
        tell(scaling.said(scaling.scale(its, scaling.demand(opened, only), bounds)))
        return 0
    logs.configure(logs.kind(None))
    with Stops() as stops:
        drained = scaling.keep_scaling(
            opened.patient,
            its,
            bounds,
            only=only,
            every=every,
            drain=drain,
            stopped=lambda: stops.count,
            wait=stops.wait,
        )
        left = its.jobs()
        if left and not its.stays:
            its.end(left)
    if drained:
        say("all that was open is settled, and no worker is left")
    elif left and its.stays:
        say(f"{count(len(left), 'worker')} go on; hpo fleet down {engine} ends them")
    return 130 if drain and not drained else 0


def status(
    engine: _Engine,
    arguments: _Arguments = None,
    name: _Name = "hpo",
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """The workers that the engine runs, or has waiting for a place, and what there is to do in the database."""
    from hpo import storage as storages
    from hpo.fleet.engines import scaling

    url = storage or storage_url()
    jobs = _of(engine, url, name, arguments).jobs()
    now = scaling.demand(storages.open(url))
    if as_json:
        document({"engine": engine, "name": name, "claimable": now.claimable, "in_hand": now.held, "workers": jobs})
        return
    rows = [
        [job.id, job.state, job.where or "-", "-" if job.seconds is None else duration(job.seconds)] for job in jobs
    ]
    if rows:
        table(["job", "state", "node", "for"], rows, right=(3,))
    else:
        tell(f"no worker of fleet {name} on {engine}")
    tell(f"{count(now.claimable, 'trial')} to take, {now.held} in hand")


def down(
    engine: _Engine,
    arguments: _Arguments = None,
    name: _Name = "hpo",
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """End the fleet's workers; what they have in hand goes back with its parameters, unblamed."""
    its = _of(engine, storage or storage_url(), name, arguments)
    jobs = its.jobs()
    if jobs:
        its.end(jobs)
    if as_json:
        document({"engine": engine, "name": name, "ended": len(jobs)})
    else:
        tell(f"ended {count(len(jobs), 'worker')} of fleet {name} on {engine}")


def wanted(
    max_workers: _Most,
    min_workers: _Least = 0,
    there: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole(0, 10_000),
            help="Workers that run.  [default: as many as trials are in hand]",
        ),
    ] = None,
    sql: Annotated[
        bool,
        typer.Option("--sql", help="Print the question itself, for a scaler that asks PostgreSQL, such as KEDA's."),
    ] = False,
    study: _Studies = None,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Print how many workers are wanted now: one for each trial to take, and one for each in hand.

    For engines hpo knows nothing of: a loop that asks this and starts what is missing with hpo worker scales a fleet.
    """
    from hpo import storage as storages
    from hpo.fleet.engines import scaling
    from hpo.storage import studies

    bounds = scaling.Bounds(least=min_workers, most=max_workers)
    opened = storages.open(storage or storage_url())
    only = tuple(studies.find(opened, word).name for word in study or ())
    if sql:
        tell(scaling.question(opened, only))
        return
    now = scaling.demand(opened, only)
    workers = now.workers(bounds, now.held if there is None else there)
    document({"wanted": workers, "claimable": now.claimable, "in_hand": now.held}) if as_json else tell(str(workers))


def _of(engine: str, url: str, name: str, arguments: list[str] | None) -> "Engine":
    """The engine, to look at a fleet or to end it."""
    from hpo.fleet.engines import engine_catalog
    from hpo.fleet.engines.fleet_engine import WorkerJob

    return engine_catalog.engine(engine, WorkerJob(storage=url, name=name, extra=tuple(arguments or ())))
