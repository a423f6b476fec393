"""`hpo status`, `best`, `trial`, `stop`, `resume`, `delete`: the studies of a storage."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.options import AsJson, KeepModels, Storage, Study, WhichStudy, examples, whole
from hpo.cli.printing.console import configuration, count, document, figure, say, say_next, tell
from hpo.cli.printing.model_text import tell_model, tell_removed
from hpo.cli.printing.status_text import (
    front_table,
    keep_showing,
    show_serving,
    show_studies,
    show_study,
    show_trial,
    show_workers,
    tell_climb,
    trained,
)
from hpo.errors import StudyError, UsageError
from hpo.settings import models_folder, storage_url

if TYPE_CHECKING:
    from hpo.storage import Storage as OpenStorage
    from hpo.storage.queries.status import StudyStatus

__all__ = ["best", "delete", "register", "resume", "status", "stop", "trial"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        short_help="All studies, or one: how far it is, and its best; the workers.",
        epilog=examples("hpo status", "hpo status cnn --watch", "hpo status --workers", "hpo status cnn --json"),
    )(status)
    app.command(
        short_help="Show the best trial of a search and its parameters.",
        epilog=examples("hpo best cnn", "hpo best cnn-wide-full --json", "hpo best cnn --model cnn.keras"),
    )(best)
    app.command(
        short_help="Show one trial: parameters, curve, failure.",
        epilog=examples("hpo trial cnn 7", "hpo trial cnn-report 0 --json"),
    )(trial)
    app.command(epilog=examples("hpo delete cnn-report", "hpo delete by-hand --yes"))(delete)
    app.command(
        short_help="Halt a study on every machine; nothing is lost.",
        epilog=examples("hpo stop cnn", "hpo stop cnn-wide-full --now --why 'the data were wrong'"),
    )(stop)
    app.command(
        short_help="Let a stopped study go on.",
        epilog=examples("hpo resume cnn", "hpo resume cnn-wide-full --json"),
    )(resume)


def status(
    study: WhichStudy = None,
    workers: Annotated[bool, typer.Option("--workers", help="The workers on all machines alone.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Keep one study's up to date until it is done; Ctrl-C ends the looking.")
    ] = False,
    wide: Annotated[
        bool, typer.Option("--wide", help="All columns of a table, however narrow the terminal is.")
    ] = False,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """All studies, or one: target, trials by outcome, running, best, time left; and the workers there are."""
    from hpo import storage as storages
    from hpo.storage.queries import status as service
    from hpo.storage.worker_registry import fleet

    _refuse_together(study, workers=workers, watch=watch, as_json=as_json)
    url = storage or storage_url()
    if study is not None:
        opened = storages.open(url)
        if watch:
            keep_showing(opened, study)
            return
        one = service.study_status(opened, study)
        if as_json:
            document(one)
            return
        show_study(one, fleet(opened), wide=wide)
        say_next(_after_status(one), storage)
        return
    found = storages.find(url)  # before the first search there is none, which is no error
    if workers:
        present = fleet(found) if found is not None else []
        document(present) if as_json else show_workers(present, wide=wide)
        return
    everything = service.all_statuses(found) if found is not None else []
    if as_json:
        document(everything)
    else:
        _overview(everything, found, storage, wide=wide)


def best(
    study: Study,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the model that the search kept (.keras): trained on its training rows, judged by the rest of "
            "the development rows; hpo train --config best trains on all of them.",
        ),
    ] = None,
    keep_models: KeepModels = None,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Show the best trial of a search and its parameters, beside the baseline's value in the same search."""
    from hpo import storage as storages
    from hpo.experiments.best_model import kept_model, write_model
    from hpo.storage.queries import study_results as service

    opened = storages.open(storage or storage_url())
    found = service.best(opened, study)
    kept = kept_model(opened, found, models_folder(keep_models, opened.where.path))
    if model is not None:
        write_model(opened, found, kept, model)
    if as_json:
        document(found)
        return
    tell(f"{found.study}: trial {found.number}, {found.metric} {figure(found.value)}{trained(found)}")
    configuration(found.params)
    if found.front:
        front_table(found.objectives, found.front)
    if found.baseline is not None:
        cut = "" if found.baseline.outcome == "complete" else f" ({found.baseline.outcome})"
        tell(f"baseline {found.baseline.name} in the same search: {figure(found.baseline.value)}{cut}")
    if found.climb is not None:
        tell_climb(found.climb, found.fidelities)
    if kept is not None:
        tell_model(kept, model, found.metric)
    say_next(f"hpo {'compare' if found.comparable else 'importance'} {shlex.quote(found.study)}", storage)


def trial(
    study: Study,
    number: Annotated[
        int,
        typer.Argument(
            metavar="NUMBER", parser=whole(0, 2**31 - 1), help="The trial's number, from 0.", show_default=False
        ),
    ],
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Show one trial: parameters, seed, curve, worker, and its failure with the traceback."""
    from hpo import storage as storages
    from hpo.storage.queries import study_results as service

    report = service.trial(storages.open(storage or storage_url()), study, number)
    document(report) if as_json else show_trial(report)


def delete(
    study: Study,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Delete it even while workers are at it.")] = False,
    keep_models: KeepModels = None,
    storage: Storage = None,
) -> None:
    """Delete a study with all its trials, its kept models and all that was measured of it, after asking."""
    from hpo import storage as storages
    from hpo.experiments import deleting
    from hpo.storage import kept_models, studies
    from hpo.storage.queries import status as service

    opened = storages.open(storage or storage_url())
    found = service.study_status(opened, study)
    record, models = studies.get(opened, found.study), models_folder(keep_models, opened.where.path)
    if found.workers and not force:
        raise StudyError(
            f"{found.study} has workers at it ({', '.join(found.workers)}): "
            f"hpo stop {shlex.quote(found.study)} --now takes them off it, or add --force"
        )
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(f"deleting {found.study} has to be confirmed, and this is no terminal; add --yes")
        also = studies.measured(opened, found.study)
        more = f", and what was measured of it ({', '.join(also)})" if also else ""
        if models is not None and kept_models.folder(models, record).is_dir():
            more = f", its kept models{more}"
        typer.confirm(f"Delete {found.study} with its {found.settled} finished trials{more}?", abort=True, err=True)
    deleting.delete(opened, found.study, force=force)
    say(f"deleted {found.study}")
    if models is not None:
        tell_removed(kept_models.remove(models, record))


def _refuse_together(study: str | None, *, workers: bool, watch: bool, as_json: bool) -> None:
    """Refuse options that say nothing together. Raises UsageError."""
    if workers and (watch or study is not None):
        raise UsageError("--workers shows those of all studies: leave out STUDY and --watch, or leave out --workers")
    if watch and study is None:
        raise UsageError("--watch keeps one study up to date: say which, hpo status STUDY --watch")
    if watch and as_json:
        raise UsageError("--json prints one document and --watch many screens: leave one of them out")


def _after_status(one: "StudyStatus") -> str:
    """The command that comes next, by how a study stands."""
    if one.nothing_complete is not None and one.nothing_complete.trial is not None:
        return f"hpo trial {shlex.quote(one.study)} {one.nothing_complete.trial}"
    if one.state == "stopped":
        return f"hpo resume {shlex.quote(one.study)}"
    if one.state == "waiting":
        return "hpo worker"
    if one.state == "running" or one.best is None:
        return f"hpo status {shlex.quote(one.study)} --watch" if not one.ended else "hpo status"
    return f"hpo best {shlex.quote(one.study)}"


def _overview(everything: "list[StudyStatus]", found: "OpenStorage | None", storage: str | None, *, wide: bool) -> None:
    from hpo.storage.storage_url import parse
    from hpo.storage.worker_registry import fleet

    if everything:
        show_studies(everything, wide=wide)
    else:
        say(f"no studies in {parse(storage or storage_url()).safe} yet; begin one: hpo optimize cnn --trials 50")
    present = fleet(found) if found is not None else []
    if present:
        show_workers(present, wide=wide)
    if everything:
        say_next(f"hpo status {shlex.quote(everything[-1].study)}", storage)


def stop(
    study: Study,
    now: Annotated[
        bool, typer.Option("--now", help="Give back what is in hand, to be tried again with the same parameters.")
    ] = False,
    why: Annotated[str | None, typer.Option(metavar="TEXT", help="The reason, for those who wonder.")] = None,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Begin nothing more in a study, on any machine; trials in hand are finished and count, unless --now."""
    from hpo import storage as storages
    from hpo.storage.process_identity import person
    from hpo.storage.queries import status
    from hpo.storage.studies import find, halting
    from hpo.storage.studies.study_record import stopped

    opened = storages.open(storage or storage_url())
    name = find(opened, study).name
    changed = halting.stop(opened, name, by=person(), why=why, now=now)
    found = status.study_status(opened, name)
    if as_json:
        document(found)
        return
    if changed:
        tell(f"{name} is stopped: nothing more of it begins, on any machine")
    else:
        tell(f"{name} {stopped(find(opened, name))} already")
    if found.settled == found.target:
        tell("nothing of it is open now: it holds for trials that are added")
    elif found.running:
        tell(f"{count(found.running, 'trial')} in hand: finished, and counted; --now gives such back")
    elif now:
        tell("nothing is in hand any more; what was goes on with the same parameters once it is resumed")
    done = (
        f"all {found.target} trials" if found.settled == found.target else f"{found.settled} of {found.target} trials"
    )
    tell(f"{done} are done; hpo resume {shlex.quote(name)} lets it go on")


def resume(study: Study, storage: Storage = None, as_json: AsJson = False) -> None:
    """Let a stopped study go on; workers that are there take it up by themselves."""
    from hpo import storage as storages
    from hpo.storage.queries import status
    from hpo.storage.studies import find, halting
    from hpo.storage.worker_registry import serving

    opened = storages.open(storage or storage_url())
    name = find(opened, study).name
    changed = halting.resume(opened, name)
    found = status.study_status(opened, name)
    if as_json:
        document(found)
        return
    tell(f"{name} goes on" if changed else f"{name} is not stopped")
    tell(f"{found.settled} of {found.target} trials are done, {found.running} in hand, {found.open} open")
    if not found.ended:
        show_serving(serving(opened, name))
