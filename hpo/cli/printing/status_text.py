"""What `hpo status` and `hpo trial` print: studies, one of them kept up to date, one trial; the workers of a fleet."""

import math
import shlex
import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpo.cli.printing.console import (
    ago,
    configuration,
    configuration_lines,
    count,
    duration,
    figure,
    results,
    table,
    tell,
    time_left,
)
from hpo.cli.printing.progress_bar import LineLimit, line
from hpo.study.objectives import wanted

if TYPE_CHECKING:
    from hpo.analysis.rung_agreement import ClimbFindings
    from hpo.storage import Storage
    from hpo.storage.queries.status import Progress, StudyStatus
    from hpo.storage.queries.study_results import BestTrial, FrontTrial, TrialReport
    from hpo.storage.worker_registry import FleetWorker, Serving

__all__ = [
    "front_table",
    "keep_showing",
    "show_serving",
    "show_studies",
    "show_study",
    "show_trial",
    "show_workers",
    "sparkline",
    "state_words",
    "study_lines",
    "tell_climb",
    "trained",
]

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 60  # characters at most


def show_studies(found: "Sequence[StudyStatus]", *, wide: bool = False) -> None:
    """Every study, a row each; `wide`: with all columns, however narrow the terminal is."""
    rows = [
        [
            one.study,
            one.state,
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
    headings = ["study", "state", "trials", "complete", "pruned", "failed", "running", "best", "trial"]
    right = range(2, len(headings))
    if any(one.kind != "search" for one in found):
        headings.append("kind")
        rows = [[*row, one.kind] for row, one in zip(rows, found, strict=True)]
    # Left out first: the kind and the number of the best trial; last: how many failed.
    optional = [] if wide else [*range(9, len(headings)), 8, 6, 4, 3, 5]
    table(headings, rows, right=right, optional=optional)


def show_study(one: "StudyStatus", workers: "Sequence[FleetWorker]", *, wide: bool = False) -> None:
    """One study, and the workers that serve it or cannot."""
    for text in study_lines(one):
        tell(text)
    if one.front:
        front_table(one.objectives, one.front)
    serving = [worker for worker in workers if worker.study in (None, one.study)]
    if serving and not one.ended:
        show_workers(serving, study=one.study, wide=wide)


def study_lines(one: "StudyStatus") -> list[str]:
    """One study in lines."""
    lines = [
        f"{one.study}: {one.definition}, space {one.space}, {one.work}, {one.direction}",
        *([f"  against  {wanted(one.against)}"] if one.objectives else []),
        f"  state    {state_words(one)}",
        f"  trials   {one.settled} of {one.target}: {one.complete} complete, {one.pruned} pruned, {one.failed} failed",
        f"  running  {one.running}, open {one.open}, of which a worker could take {one.claimable} now",
    ]
    for hand in one.running_trials:
        trial = "a trial" if hand.trial is None else f"trial {hand.trial}"
        again = "" if hand.attempt == 1 else f", attempt {hand.attempt}"
        who = ":".join(hand.worker.split(":")[:2])  # host and process; the rest is for programs
        lines.append(f"  worker   {who}: {trial}{again} for {duration(ago(hand.since))}")
    if one.kind == "search":
        lines.append(f"  search   sampler {one.sampler}, pruner {one.pruner}, seed {one.seed}")
    else:
        lines.append(f"  kind     {one.kind}" + (f" of {one.parent}" if one.parent is not None else ""))
    limits = _limits(one)
    if limits:
        lines.append(f"  limits   {limits}")
    lines.append(f"  since    {one.created_at:%Y-%m-%d %H:%M} UTC")
    if one.eta_seconds is not None and one.settled < one.target:
        lines.append(f"  left     {time_left(one.eta_seconds, one.eta_range)}")
    if one.kind != "search":
        return lines  # the luckiest of its measurements is nothing to choose
    if one.best is None:
        return [*lines, "  best     " + ("no trial is complete yet" if one.nothing_complete is None else "none")]
    lines.append(f"  best     {figure(one.best.value)}, trial {one.best.number}")
    return [*lines, *configuration_lines(one.best.params)]


def state_words(one: "StudyStatus") -> str:
    """How a study stands, and what lets it go on."""
    if one.state == "stopped":
        why = "" if one.stopped_why is None else f" ({one.stopped_why})"
        return (
            f"stopped by {one.stopped_by} at {one.stopped_at:%Y-%m-%d %H:%M} UTC{why}: "
            f"hpo resume {shlex.quote(one.study)} lets it go on"
        )
    if one.state == "waiting":
        return "waiting: nobody is at work on it; hpo worker serves it, on any machine that reaches the storage"
    if one.state == "done" and one.settled < one.target:
        return f"done: its best is as good as {figure(one.until)}, the value it was to reach"
    if one.nothing_complete is not None:
        return f"failed: no trial is complete: {one.nothing_complete.why}"
    return one.state


def _limits(one: "StudyStatus") -> str:
    limits = []
    if one.until is not None:
        limits.append(f"nothing more begins once a value is as good as {figure(one.until)}")
    if one.trial_timeout is not None:
        limits.append(f"a trial may take {duration(one.trial_timeout)}")
    return ", ".join(limits)


def show_trial(report: "TrialReport") -> None:
    """One trial, with all that is known of it."""
    value = f", value {figure(report.value)}" if report.value is not None else ""
    tell(f"{report.study} trial {report.number}: {report.state}{value}")
    configuration(report.params)
    facts = {
        "fidelity": report.fidelity,
        "rung": report.rung_name and f"{report.rung}, {report.rung_name}",
        "seed": report.seed,
        "attempt": report.attempt,
        "worker": report.worker,
        "started": None if report.started_at is None else f"{report.started_at:%Y-%m-%d %H:%M:%S} UTC",
        "took": None if report.seconds is None else duration(report.seconds),
    }
    for name, fact in facts.items():
        if fact is not None:
            tell(f"  {name}: {fact}")
    if len(report.curve) > 1 or (report.curve and report.value is None):  # the value of one report is told above
        values = [value for _, value in report.curve]
        tell(f"  curve: {sparkline(values)}")
        points = "  ".join(f"{step}:{figure(value)}" for step, value in report.curve)
        tell(textwrap.fill(points, 96, initial_indent="    ", subsequent_indent="    "))
    for name, fact in report.attributes.items():
        if isinstance(fact, list | dict):  # of a measurement; --json has it whole
            parts = [fact] if isinstance(fact, list) else list(fact.values())
            count = sum(len(part) if isinstance(part, list | dict) else 1 for part in parts)
            tell(f"  {name}: {count} values")
        else:
            tell(f"  {name}: {figure(fact)}")
    if report.reason:
        tell(f"  reason: {report.reason}")
    if report.traceback:
        _indented(report.traceback)
    if report.output:
        tell("  printed:")
        _indented(report.output)


def _indented(text: str) -> None:
    tell("\n".join(f"    {line}" for line in text.splitlines()))


def front_table(objectives: Sequence[str], front: "Sequence[FrontTrial]") -> None:
    """The trials none beats in all objectives, best metric first; `hpo trial` shows the configuration of one."""
    rows = [["-" if one.number is None else str(one.number), *map(figure, one.values)] for one in front]
    headings = ["trial", *objectives]
    table(headings, rows, title="front: no trial is better in all of these", right=range(len(headings)))


def sparkline(values: Sequence[float]) -> str:
    """`values` as bars from their least to their greatest; a value that is not finite is a cross."""
    if len(values) > _WIDTH:  # every so-manieth, the last one always shown
        values = [values[round(i * (len(values) - 1) / (_WIDTH - 1))] for i in range(_WIDTH)]
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    span = high - low or 1.0
    top = len(_BARS) - 1
    return "".join(_BARS[round((v - low) / span * top)] if math.isfinite(v) else "×" for v in values)


def show_workers(workers: "Sequence[FleetWorker]", study: str | None = None, *, wide: bool = False) -> None:
    """A row a worker, and what some of them cannot serve: of one study, or of all."""
    if not workers:
        tell("no worker is there: hpo worker starts some, on any machine that reaches the storage")
        return
    headings = ["worker", "trains on", "for", "doing", "last seen"]
    rows = [
        [
            f"{worker.host}:{worker.pid}",
            _device(worker),
            duration(ago(worker.started_at)),
            _doing(worker),
            _seen(worker),
        ]
        for worker in workers
    ]
    table(headings, rows, text=(1, 3), optional=() if wide else (2, 1))
    refusals = Counter(
        (name, why) for worker in workers for name, why in worker.refuses.items() if study in (None, name)
    )
    for (name, why), number in sorted(refusals.items()):
        tell(f"{count(number, 'worker')} cannot serve {name}: {why}")


def show_serving(serving: "Serving") -> None:
    """How many workers there are to serve a study, and why others would not."""
    if serving.ready:
        are = "is" if len(serving.ready) == 1 else "are"
        tell(f"{count(len(serving.ready), 'worker')} {are} there to serve it")
    else:
        tell("no worker is there to serve it yet: hpo worker starts some, on any machine that reaches the storage")
    for why, number in sorted(Counter(serving.refusing.values()).items()):
        tell(f"{count(number, 'worker')} cannot serve it: {why}")


def _device(worker: "FleetWorker") -> str:
    if worker.gpu is not None:
        return worker.gpu_name or worker.gpu
    return "-" if worker.threads is None else count(worker.threads, "thread")


def _doing(worker: "FleetWorker") -> str:
    hand = worker.running_trial
    if hand is None:
        only = "" if worker.study is None else f"{worker.study} alone"
        return worker.doing or only or "-"
    trial = "a trial" if hand.trial is None else f"trial {hand.trial}"
    return f"{hand.study} {trial} for {duration(ago(hand.since))}"


def _seen(worker: "FleetWorker") -> str:
    silent = duration(worker.seconds_silent)
    return f"{silent} ago" if worker.alive else f"{silent} ago: dead"


def keep_showing(storage: "Storage", word: str) -> None:
    """Show a study until it is done, stopped or good enough, or until Ctrl-C.

    Where stdout is no terminal there is a line for each change.

    Raises:
        StudyError: there is no such study, or it was deleted meanwhile.
        StorageError: the database stayed away.

    """
    from hpo.storage.studies import find

    name = find(storage, word).name
    (_live if results().isatty() else _plain)(storage, name)


def _live(storage: "Storage", name: str) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from hpo.storage.queries.status import study_status, watch

    with Live(console=Console(file=results()), auto_refresh=False) as live:

        def show(_: "Progress") -> None:
            live.update(Text("\n".join(study_lines(study_status(storage, name)))), refresh=True)

        watch(storage, name, on_progress=show)


def _plain(storage: "Storage", name: str) -> None:
    from hpo.storage.queries.status import study_status, watch

    limit = LineLimit()

    def show(progress: "Progress") -> None:
        if limit.due(progress):
            tell(line(progress))
            results().flush()

    watch(storage, name, on_progress=show)
    tell(f"{name}: {state_words(study_status(storage, name))}")


def trained(found: "BestTrial") -> str:
    """How often the best of a search that climbs was trained, in words that follow its value."""
    if found.climb is None:
        return ""
    if found.trainings == 1:
        return f", trained once at {found.fidelities[-1]}: not confirmed yet"
    return f", the mean of {found.trainings} trainings at {found.fidelities[-1]}"


def tell_climb(found: "ClimbFindings", fidelities: Sequence[str]) -> None:
    """What the rungs of a search say of one another."""
    from hpo.analysis.rung_agreement import climb_sentences

    for sentence in climb_sentences(found, fidelities):
        tell(sentence)
