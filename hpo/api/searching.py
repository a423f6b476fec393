"""Searching from a program: the call that does what `hpo optimize` and `hpo submit` do, and the way back to a study."""

import warnings
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.api.study_handle import Study
from hpo.errors import HpoWarning, UsageError
from hpo.settings import MAX_ATTEMPTS, models_number, storage_url
from hpo.study import Direction, Params, loading

if TYPE_CHECKING:
    from hpo.api.references import Found, Thing
    from hpo.experiments.search_plan import Plan
    from hpo.observers.observer import Observer

__all__ = ["create", "load", "optimize"]


def optimize(
    thing: "Thing",
    *,
    trials: int,
    workers: int | None = None,
    storage: str | None = None,
    name: str | None = None,
    direction: Direction | Sequence[Direction] | None = None,
    space: str | None = None,
    fidelity: str | None = None,
    sampler: str | None = None,
    pruner: str | None = None,
    objectives: str | Sequence[str] | None = None,
    seed: int | None = None,
    until: float | None = None,
    timeout: float | None = None,
    trial_timeout: float | None = None,
    max_attempts: int = MAX_ATTEMPTS,
    memory_limit: int | None = None,
    try_: Sequence[Params] | str | Path = (),
    prior: str | None = None,
    from_study: "str | Study | None" = None,
    observers: "Sequence[str | Observer]" = (),
    keep_models: str | Path | None = None,
    keep_best: int | None = None,
    wait: bool = True,
    progress: bool = True,
) -> Study:
    """Bring a study to a number of trials; the same call again goes on where it stopped.

    Workers are other processes, which load `thing` by its name: a module's or a file's attribute. A script may call
    this with no guard around it: a worker loads the script as far as this call. What has no such name, in a notebook
    or at a prompt, is run by one worker within this process.

    Args:
        thing: a text as `hpo optimize` takes it (`"cnn"`, `"./mine.py:study"`), a `StudyDefinition`, or a function of
            an Optuna trial, decorated with `hpo.tunable` or not.
        trials: how many the study shall have in all, earlier calls included.
        workers: processes on this machine; None: one a usable core; 0: none, a fleet (`hpo worker`) does it.
        storage: URL of the database; None: `$HPO_STORAGE`, or `sqlite:///hpo.db` in this folder.
        name: of the study; None: after what is searched.
        direction: `"maximize"` or `"minimize"`, one for each value, where a plain function is searched.
        space: one of the definition's; None: its first.
        fidelity: the one to stay on; None: the search climbs all of the definition's.
        sampler: as `--sampler`; None: the study's own, or the usual one.
        pruner: as `--pruner`; None likewise.
        objectives: the metric and what is weighed against it, for a front: `["accuracy", "latency"]`.
        seed: of the study; None: its own.
        until: stop at a value this good.
        timeout: seconds for this call.
        trial_timeout: seconds for one trial; a trial over it fails.
        max_attempts: crashes a trial may see before it fails.
        memory_limit: bytes past which a worker is replaced.
        try_: configurations to try first, or a JSON file of them.
        prior: the hand-picked configuration to begin with: a baseline, a JSON file, or `"none"`; None: the first
            baseline.
        from_study: an earlier search, whose findings this one begins with.
        observers: who is told of the study while this runs: as `--observe` takes them, or `hpo.Observer` objects, which
            are told by a thread of this process; `$HPO_OBSERVE` adds to them.
        keep_models: folder for the models of the best trials, as the search trained them; `"none"`: keep none; None:
            `$HPO_KEEP_MODELS`, or a folder beside the database's file.
        keep_best: of how many of the best configurations; None: `$HPO_KEEP_BEST`, or 3.
        wait: False: leave it to the fleet and return at once; `Study.wait` looks on. It needs `workers=0`.
        progress: whether to show how far it is, on stderr.

    Raises:
        UsageError: a name is unknown, a number out of range, or what is asked contradicts itself.
        DefinitionError: what shall be searched cannot be loaded.
        StudyError: there is a study of that name that was asked for otherwise or is stopped, or its trials all fail.
        StorageError: the database cannot be reached, read or written.
        HpoError: a worker could not go on; nothing is lost.
        KeyboardInterrupt: of Ctrl-C; what is done is kept.

    """
    loading.end()  # this is a worker, or whoever else wants what the file defines
    from hpo.api.asked_observers import observers_asked
    from hpo.api.references import referenced
    from hpo.experiments.best_model import models_kept
    from hpo.experiments.search_plan import Request, plan
    from hpo.experiments.search_run import leave
    from hpo.fleet.run_limits import Limits

    told = observers_asked(observers)
    if not wait and workers != 0:
        raise UsageError("wait=False leaves a search to a fleet, so it needs workers=0: without it workers end with us")
    found = referenced(thing)
    if found.only_here:
        _refuse_others(found, workers)
        warnings.warn(f"{_only_here(found)}: one worker runs it in this process", HpoWarning, stacklevel=2)
    try_file = Path(try_) if isinstance(try_, str | Path) else None
    request = Request(
        definition=found.reference,
        trials=trials,
        storage=storage or storage_url(),
        space=space,
        fidelity=fidelity,
        sampler=sampler,
        pruner=pruner,
        directions=_directions(direction),
        seed=seed,
        name=name,
        until=until,
        objectives=objectives if objectives is None or isinstance(objectives, str) else ",".join(objectives),
        try_=_configurations(try_) if try_file is None else (),
        try_file=try_file,
        prior=prior,
        from_study=from_study.name if isinstance(from_study, Study) else from_study,
        here=found.only_here,
        observers=told,
        limits=Limits(
            workers=workers,
            timeout=timeout,
            trial_timeout=trial_timeout,
            max_attempts=max_attempts,
            memory_limit=memory_limit,
            keep_models=models_kept(None if keep_models is None else str(keep_models), storage or storage_url()),
            keep_best=models_number(keep_best),
        ),
    )
    with closing(plan(request)) as planned:
        leave(planned) if not wait else _run(planned, progress=progress)
        return Study(planned.study, storage=request.storage)


def create(
    name: str,
    *,
    trials: int,
    direction: Direction | Sequence[Direction],
    metric: str | Sequence[str] = (),
    storage: str | None = None,
    sampler: str | None = None,
    pruner: str | None = None,
    seed: int | None = None,
    try_: Sequence[Params] | str | Path = (),
) -> Study:
    """Make a study whose trials the program asks for (`Study.ask`) and tells the values of (`Study.tell`).

    No worker runs them. Where there is a study of that name it is given, with slots added up to `trials`; so several
    programs may ask at once, and one that died goes on.

    Args:
        name: of the study.
        trials: how many it shall have in all; `ask` gives so many, whoever asks.
        direction: `"maximize"` or `"minimize"`, one for each value.
        metric: what the value is called, or each of several; empty: value.
        storage: URL of the database; None: `$HPO_STORAGE`, or `sqlite:///hpo.db` in this folder.
        sampler: as `--sampler` of `hpo optimize`; None: the study's own, or the usual one.
        pruner: as `--pruner`; None likewise. It works where the trial is reported to.
        seed: of the study; None: its own.
        try_: configurations to try first, or a JSON file of them.

    Raises:
        UsageError: a name is unknown, a number out of range, or what is asked contradicts itself.
        DefinitionError: there are not as many metrics as directions.
        StudyError: there is a study of that name that was asked for otherwise.
        StorageError: the database cannot be reached, read or written.

    """
    from hpo.experiments.search_plan import Request, plan
    from hpo.experiments.search_run import leave
    from hpo.fleet.run_limits import Limits
    from hpo.study.plain_objective import ASKED

    try_file = Path(try_) if isinstance(try_, str | Path) else None
    request = Request(
        definition=ASKED,
        name=name,
        trials=trials,
        directions=_directions(direction),
        metrics=(metric,) if isinstance(metric, str) else tuple(metric),
        storage=storage or storage_url(),
        sampler=sampler,
        pruner=pruner,
        seed=seed,
        try_=_configurations(try_) if try_file is None else (),
        try_file=try_file,
        limits=Limits(workers=0),
    )
    with closing(plan(request)) as planned:
        leave(planned)
    return Study(name, storage=request.storage)


def load(name: str, *, storage: str | None = None) -> Study:
    """The handle of a study that is there.

    Args:
        name: its name; a definition's where that has one search.
        storage: URL of the database; None: `$HPO_STORAGE`, or `sqlite:///hpo.db` in this folder.

    Raises:
        StudyError: there is none of that name.
        StorageError: the database cannot be reached or read.

    """
    from hpo import storage as storages
    from hpo.storage import studies

    url = storage or storage_url()
    with closing(storages.open(url)) as opened:
        return Study(studies.find(opened, name).name, storage=url)


def _run(planned: "Plan", *, progress: bool) -> None:
    """Do what is planned. Raises KeyboardInterrupt where a person stopped it."""
    from hpo.cli.printing.progress_bar import Display
    from hpo.cli.printing.search_text import announce
    from hpo.experiments.search_run import run

    if progress:
        with Display(lambda: announce(planned, again="call")) as display:
            done = run(planned, display)
    else:
        done = run(planned)
    if done.ended == "interrupted":
        raise KeyboardInterrupt(f"{done.settled} of {done.target} trials of {done.study} are done, and kept")


def _refuse_others(found: "Found", workers: int | None) -> None:
    """Refuse workers in other processes for what those could not load. Raises UsageError."""
    if workers not in (None, 1):
        raise UsageError(
            f"{_only_here(found)}, and workers={workers} asks for others: put it into a file, tune.py, and search "
            f"'tune.py:{found.name}', or leave workers out"
        )


def _only_here(found: "Found") -> str:
    return f"{found.name} has no name in a module or a file, so no other process can load it"


def _directions(asked: "Direction | Sequence[Direction] | None") -> tuple[Direction, ...]:
    """The directions asked for."""
    return () if asked is None else (asked,) if isinstance(asked, str) else tuple(asked)


def _configurations(asked: Any) -> tuple[Params, ...]:
    """The configurations to try first. Raises UsageError where one is none."""
    if isinstance(asked, Mapping) or not isinstance(asked, Sequence):
        raise UsageError(f"try_ takes several configurations, [{{...}}, {{...}}], or a JSON file, not {asked!r:.60}")
    for params in asked:
        if not isinstance(params, Mapping):
            raise UsageError(f"a configuration to try is a dict such as {{'rate': 0.01}}, not {params!r:.60}")
    return tuple(asked)
