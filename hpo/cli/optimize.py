"""`hpo optimize`: the main job."""

from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer

from hpo.cli.arguments.numbers import megabytes, real, whole
from hpo.cli.arguments.options import (
    AsJson,
    Definition,
    Quiet,
    SpaceName,
    Storage,
    Timeout,
    TrialTimeout,
    Workers,
    examples,
)
from hpo.cli.arguments.searching import (
    Fidelity,
    Name,
    NoBaseline,
    Objectives,
    Prior,
    Pruner,
    Sampler,
    SearchSeed,
    Trials,
    TryFile,
    prior_asked,
)
from hpo.cli.printing.bar import Display
from hpo.cli.printing.console import document
from hpo.cli.printing.search_text import announce, conclude
from hpo.settings import MAX_ATTEMPTS, storage_url

__all__ = ["optimize", "register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples(
        "hpo optimize cnn --trials 50",
        "hpo optimize fcnn --trials 200 --space wide --fidelity full --workers 4",
        "hpo optimize ./wine.py:study --trials 20 --until 0.99 --timeout 30m",
        "hpo optimize cnn --trials 50 --try mine.json --seed 7 --name by-hand",
        "hpo optimize dnn --trials 60 --objectives accuracy,parameters",
    )
    app.command(short_help="Search: bring a study to N trials; again: go on.", epilog=epilog)(optimize)


def optimize(
    definition: Definition,
    trials: Trials,
    workers: Workers = None,
    space: SpaceName = None,
    fidelity: Fidelity = None,
    sampler: Sampler = None,
    pruner: Pruner = None,
    objectives: Objectives = None,
    seed: SearchSeed = None,
    name: Name = None,
    storage: Storage = None,
    timeout: Timeout = None,
    trial_timeout: TrialTimeout = None,
    until: Annotated[
        float | None, typer.Option(metavar="VALUE", parser=real, help="Stop at a value this good.")
    ] = None,
    try_file: TryFile = None,
    prior: Prior = None,
    no_baseline: NoBaseline = False,
    max_attempts: Annotated[
        int, typer.Option(metavar="N", parser=whole(1, 1_000_000), help="Crashes a trial may see before it fails.")
    ] = MAX_ATTEMPTS,
    memory_limit: Annotated[
        int | None,
        typer.Option(metavar="SIZE", parser=megabytes, help="Replace a worker that has grown past this: 2G, 1500M."),
    ] = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Bring a study to N trials with workers on this machine; the same command again goes on where it stopped."""
    from hpo.experiments.optimize.search_plan import plan
    from hpo.experiments.optimize.search_request import Request
    from hpo.experiments.optimize.search_run import run
    from hpo.fleet.worker.run_limits import Limits
    from hpo.storage.queries import status

    limits = Limits(
        workers=workers,
        timeout=timeout,
        trial_timeout=trial_timeout,
        max_attempts=max_attempts,
        memory_limit=None if memory_limit is None else memory_limit << 20,
    )
    request = Request(
        definition=definition,
        trials=trials,
        storage=storage or storage_url(),
        space=space,
        fidelity=fidelity,
        sampler=sampler,
        pruner=pruner,
        seed=seed,
        name=name,
        until=until,
        objectives=objectives,
        try_file=try_file,
        prior=prior_asked(prior, no_baseline),
        limits=limits,
    )
    with closing(plan(request)) as planned:
        with Display(lambda: announce(planned), plain=quiet) as display:
            progress = run(planned, display)
        if as_json:
            document(asdict(status.study_status(planned.storage, progress.study)))
        conclude(planned, progress, quiet=as_json)
