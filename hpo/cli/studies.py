"""`hpo status`, `best`, `trial`, `delete`: what the storage holds."""

import sys
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.arguments.examples import examples
from hpo.cli.arguments.numbers import whole
from hpo.cli.arguments.options import AsJson, Storage, Study, WhichStudy
from hpo.cli.printing.output import configuration, document, duration, figure, say, table, tell
from hpo.cli.printing.sparkline import sparkline
from hpo.errors import StudyError, UsageError
from hpo.settings import storage_url

if TYPE_CHECKING:
    from hpo.service.studies.status import StudyStatus
    from hpo.service.studies.trial_report import TrialReport

__all__ = ["best", "delete", "register", "status", "trial"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        short_help="All studies, or one: how far it is, and its best.",
        epilog=examples("hpo status", "hpo status cnn", "hpo status cnn-report-quick --json"),
    )(status)
    app.command(
        short_help="Show the best trial of a search and its parameters.",
        epilog=examples("hpo best cnn", "hpo best cnn-wide-full --json"),
    )(best)
    app.command(
        short_help="Show one trial: parameters, curve, failure.",
        epilog=examples("hpo trial cnn 7", "hpo trial cnn-report-quick 0 --json"),
    )(trial)
    app.command(epilog=examples("hpo delete cnn-report-quick", "hpo delete by-hand --yes"))(delete)


def status(study: WhichStudy = None, storage: Storage = None, as_json: AsJson = False) -> None:
    """All studies, or one: target, trials by outcome, running, best, workers, time left."""
    from hpo.service import storage as storages
    from hpo.service.storage.url import parse
    from hpo.service.studies import status as service

    url = storage or storage_url()
    if study is not None:
        one = service.study_status(storages.open(url), study)
        document(asdict(one)) if as_json else _one(one)
        return
    opened = storages.find(url)  # before the first search there is none, which is no error
    found = service.all_statuses(opened) if opened is not None else []
    if as_json:
        document([asdict(one) for one in found])
    elif not found:
        say(f"no studies in {parse(url).safe} yet; begin one: hpo optimize cnn --trials 50")
    else:
        _all(found)


def best(study: Study, storage: Storage = None, as_json: AsJson = False) -> None:
    """Show the best trial of a search and its parameters, beside the baseline's value in the same search."""
    from hpo.service import storage as storages
    from hpo.service.studies import trial_report as service

    found = service.best(storages.open(storage or storage_url()), study)
    if as_json:
        document(asdict(found))
        return
    tell(f"{found.study}: trial {found.number}, {found.metric} {figure(found.value)}")
    configuration(found.params)
    if found.baseline is not None:
        cut = "" if found.baseline.outcome == "complete" else f" ({found.baseline.outcome})"
        tell(f"baseline {found.baseline.name} in the same search: {figure(found.baseline.value)}{cut}")


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
    from hpo.service import storage as storages
    from hpo.service.studies import trial_report as service

    report = service.trial(storages.open(storage or storage_url()), study, number)
    document(asdict(report)) if as_json else _trial(report)


def delete(
    study: Study,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Delete it even while workers are at it.")] = False,
    storage: Storage = None,
) -> None:
    """Delete a study with all its trials and all that was measured of it, after asking."""
    from hpo.service import storage as storages
    from hpo.service import studies
    from hpo.service.studies import status as service

    opened = storages.open(storage or storage_url())
    found = service.study_status(opened, study)
    if found.workers and not force:
        raise StudyError(
            f"{found.study} has workers at it ({', '.join(found.workers)}); stop them first, or add --force"
        )
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(f"deleting {found.study} has to be confirmed, and this is no terminal; add --yes")
        also = studies.measured(opened, found.study)
        more = f", and what was measured of it ({', '.join(also)})" if also else ""
        typer.confirm(f"Delete {found.study} with its {found.settled} finished trials{more}?", abort=True, err=True)
    studies.delete(opened, found.study, force=force)
    say(f"deleted {found.study}")


def _all(found: "list[StudyStatus]") -> None:
    rows = [
        [
            one.study,
            f"{one.settled}/{one.target}",
            str(one.complete),
            str(one.pruned),
            str(one.failed),
            str(one.running),
            figure(one.best.value) if one.best else "-",
            "-" if one.best is None else str(one.best.number),
        ]
        for one in found
    ]
    headings = ["study", "trials", "complete", "pruned", "failed", "running", "best", "trial"]
    right = range(1, len(headings))
    if any(one.kind != "search" for one in found):
        headings.append("kind")
        rows = [[*row, one.kind] for row, one in zip(rows, found, strict=True)]
    table(headings, rows, right=right)


def _one(one: "StudyStatus") -> None:
    tell(f"{one.study}: {one.definition}, space {one.space}, fidelity {one.fidelity}, {one.direction}")
    tell(f"  trials   {one.settled} of {one.target}: {one.complete} complete, {one.pruned} pruned, {one.failed} failed")
    tell(f"  running  {one.running}, open {one.open}")
    for worker in one.workers:
        tell(f"  worker   {worker}")
    if one.kind == "search":
        tell(f"  search   sampler {one.sampler}, pruner {one.pruner}, seed {one.seed}")
    else:
        tell(f"  kind     {one.kind}" + (f" of {one.parent}" if one.parent is not None else ""))
    tell(f"  since    {one.created_at:%Y-%m-%d %H:%M} UTC")
    if one.eta_seconds is not None and one.settled < one.target:
        tell(f"  left     about {duration(one.eta_seconds)}")
    if one.kind != "search":
        return  # the luckiest of its measurements is nothing to choose
    if one.best is None:
        tell("  best     no trial is complete yet")
    else:
        tell(f"  best     {figure(one.best.value)}, trial {one.best.number}")
        configuration(one.best.params)


def _trial(report: "TrialReport") -> None:
    value = f", value {figure(report.value)}" if report.value is not None else ""
    tell(f"{report.study} trial {report.number}: {report.state}{value}")
    configuration(report.params)
    facts = {
        "seed": report.seed,
        "attempt": report.attempt,
        "worker": report.worker,
        "started": None if report.started_at is None else f"{report.started_at:%Y-%m-%d %H:%M:%S} UTC",
        "took": None if report.seconds is None else duration(report.seconds),
    }
    for name, fact in facts.items():
        if fact is not None:
            tell(f"  {name}: {fact}")
    if report.curve:
        values = [value for _, value in report.curve]
        tell(f"  curve: {sparkline(values)}")
        points = "  ".join(f"{step}:{figure(value)}" for step, value in report.curve)
        tell(textwrap.fill(points, 96, initial_indent="    ", subsequent_indent="    "))
    for name, fact in report.attributes.items():
        if isinstance(fact, list | dict):  # of a measurement; --json has it whole
            count = len(fact) if isinstance(fact, list) else sum(len(values) for values in fact.values())
            tell(f"  {name}: {count} values")
        else:
            tell(f"  {name}: {figure(fact)}")
    if report.reason:
        tell(f"  reason: {report.reason}")
    if report.traceback:
        tell("\n".join(f"    {text}" for text in report.traceback.splitlines()))
