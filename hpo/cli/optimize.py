"""`hpo optimize` and `hpo submit`: a search by workers on this machine, or left to a fleet."""

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli import completion
from hpo.cli.options import (
    NONE,
    AsJson,
    Definition,
    Directions,
    Fidelity,
    FromStudy,
    KeepBest,
    KeepModels,
    Name,
    NoBaseline,
    Objectives,
    Observe,
    Prior,
    Pruner,
    Quiet,
    Sampler,
    SearchSeed,
    SpaceName,
    Storage,
    Timeout,
    Trials,
    TrialTimeout,
    TryFile,
    Workers,
    directions_asked,
    examples,
    megabytes,
    or_none,
    prior_asked,
    real,
    seconds,
    whole,
)
from hpo.cli.printing.console import document
from hpo.cli.printing.progress_bar import Display
from hpo.cli.printing.search_text import announce, conclude, submitted
from hpo.errors import UsageError
from hpo.settings import MAX_ATTEMPTS, models_number, storage_url

if TYPE_CHECKING:
    from hpo.experiments.search_plan import Limit, Plan
    from hpo.experiments.search_run import Submitted

__all__ = ["optimize", "register", "submit"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    epilog = examples(
        "hpo optimize cnn --trials 50",
        "hpo optimize fcnn --trials 200 --space wide --fidelity full --workers 4",
        "hpo optimize ./wine.py:study --trials 20 --until 0.99 --timeout 30m",
        "hpo optimize cnn --trials 50 --try mine.json --seed 7 --name by-hand",
        "hpo optimize dnn --trials 60 --objectives accuracy,parameters",
        "hpo optimize tune.py:objective --trials 50 --direction maximize",
    )
    app.command(short_help="Search: bring a study to N trials; again: go on.", epilog=epilog)(optimize)
    epilog = examples(
        "hpo submit fcnn --trials 60",
        "hpo submit cnn --trials 200 --space wide --until 0.93 --trial-timeout 10m",
        "hpo submit fcnn-report --trials 100 --wait",
        "hpo submit cnn --trials 200 --until none",
    )
    app.command(short_help="Leave a search to the workers of a fleet.", epilog=epilog)(submit)


def optimize(
    definition: Definition,
    trials: Trials,
    workers: Workers = None,
    direction: Directions = None,
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
    from_study: FromStudy = None,
    max_attempts: Annotated[
        int, typer.Option(metavar="N", parser=whole(1, 1_000_000), help="Crashes a trial may see before it fails.")
    ] = MAX_ATTEMPTS,
    memory_limit: Annotated[
        int | None,
        typer.Option(metavar="SIZE", parser=megabytes, help="Replace a worker that has grown past this: 2G, 1500M."),
    ] = None,
    observe: Observe = None,
    keep_models: KeepModels = None,
    keep_best: KeepBest = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Bring a study to N trials with workers on this machine; the same command again goes on where it stopped."""
    from hpo.experiments.best_model import models_kept
    from hpo.experiments.search_plan import Request, plan
    from hpo.experiments.search_run import run
    from hpo.fleet.run_limits import Limits
    from hpo.observers.naming import asked
    from hpo.storage.queries import status

    url = storage or storage_url()
    limits = Limits(
        workers=workers,
        timeout=timeout,
        trial_timeout=trial_timeout,
        max_attempts=max_attempts,
        memory_limit=None if memory_limit is None else memory_limit << 20,
        keep_models=models_kept(keep_models, url),
        keep_best=models_number(keep_best),
    )
    request = Request(
        definition=definition,
        trials=trials,
        storage=url,
        space=space,
        fidelity=fidelity,
        sampler=sampler,
        pruner=pruner,
        directions=directions_asked(direction),
        seed=seed,
        name=name,
        until=until,
        objectives=objectives,
        try_file=try_file,
        prior=prior_asked(prior, no_baseline),
        from_study=from_study,
        limits=limits,
        observers=asked(observe),
    )
    with closing(plan(request)) as planned:
        with Display(lambda: announce(planned), plain=quiet) as display:
            progress = run(planned, display)
        if as_json:
            document(status.study_status(planned.storage, progress.study))
        conclude(planned, progress, quiet=as_json)


def submit(
    definition: Annotated[
        str,
        typer.Argument(
            metavar="DEFINITION|STUDY",
            help="A definition, as hpo optimize takes it, or the name of a study that shall go on as it was made.",
            autocompletion=completion.submittable,
            show_default=False,
        ),
    ],
    trials: Trials,
    direction: Directions = None,
    space: SpaceName = None,
    fidelity: Fidelity = None,
    sampler: Sampler = None,
    pruner: Pruner = None,
    objectives: Objectives = None,
    seed: SearchSeed = None,
    name: Name = None,
    storage: Storage = None,
    trial_timeout: Annotated[
        float | None,
        typer.Option(
            metavar="TIME", parser=or_none(seconds), help="A training that takes longer fails; none: no limit."
        ),
    ] = None,
    until: Annotated[
        float | None,
        typer.Option(metavar="VALUE", parser=or_none(real), help="Begin nothing more at a value this good; none: do."),
    ] = None,
    try_file: TryFile = None,
    prior: Prior = None,
    no_baseline: NoBaseline = False,
    from_study: FromStudy = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Show how far it is until it is done; Ctrl-C leaves the fleet at it.")
    ] = False,
    observe: Observe = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Open the trials of a study for a fleet's workers (hpo worker) and return; its limits stay with the study."""
    from hpo.experiments.search_plan import Request, plan
    from hpo.experiments.search_run import leave
    from hpo.fleet.run_limits import Limits
    from hpo.observers.naming import asked

    if observe and not wait:
        raise UsageError("--observe needs a process that tells: add --wait, or give it to hpo worker of this fleet")
    limits: dict[Limit, float | None] = {"trial_timeout": trial_timeout, "until": until}
    kept = {limit: value for limit, value in limits.items() if value != NONE}
    request = Request(
        definition=definition,
        trials=trials,
        storage=storage or storage_url(),
        space=space,
        fidelity=fidelity,
        sampler=sampler,
        pruner=pruner,
        directions=directions_asked(direction),
        seed=seed,
        name=name,
        until=kept.get("until"),
        objectives=objectives,
        forget=[limit for limit, value in limits.items() if value == NONE],
        try_file=try_file,
        prior=prior_asked(prior, no_baseline),
        from_study=from_study,
        limits=Limits(workers=0, trial_timeout=kept.get("trial_timeout")),
        observers=asked(observe) if wait else (),
    )
    with closing(plan(request, by_study=True)) as planned:
        left = leave(planned)
        if wait:
            _wait(planned, left, plain=quiet, as_json=as_json)
        else:
            _told(planned, left, as_json=as_json)


def _told(planned: "Plan", left: "Submitted", *, as_json: bool) -> None:
    from hpo.experiments.search_run import submitted_status

    found = submitted_status(planned.storage, left)
    if as_json:
        document(found)
    else:
        submitted(found, left, changed=planned.changed)


def _wait(planned: "Plan", left: "Submitted", *, plain: bool, as_json: bool) -> None:
    from hpo.experiments.search_run import submitted_status
    from hpo.observers.hosting import observing
    from hpo.storage.queries.status import watch

    with (
        Display(lambda: announce(planned), plain=plain) as display,
        observing(planned.storage.url, planned.request.observers, (left.study,)),
    ):
        progress = watch(planned.storage, left.study, on_progress=display)
    if as_json:
        document(submitted_status(planned.storage, left))
    conclude(planned, progress, quiet=as_json)
