"""What `hpo sweep` says before it begins, its tables, what techniques of an ablation add; `--greedy`: each choice."""

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from statistics import stdev
from typing import TYPE_CHECKING

from hpo.cli.printing.console import (
    CHANGED,
    by_whom,
    count,
    duration,
    evaluation_words,
    fidelity_words,
    figure,
    say,
    table,
    tell,
    what_is_better,
)

if TYPE_CHECKING:
    from hpo.analysis import FigureFinding, RowFinding, TableFinding
    from hpo.analysis.ablation_effects import AblationFinding, Effect
    from hpo.experiments.sweep.greedy_method import GreedyReport, GreedyTable
    from hpo.experiments.sweep.sweep_plan import SweepPlan
    from hpo.experiments.sweep.sweep_report import SweepReport

__all__ = [
    "ablation_table",
    "announce",
    "announce_greedy",
    "conclude",
    "conclude_greedy",
    "expected",
    "places",
    "spread",
]

_GOOD_REPEATS = 3  # the fewest whose spread says something


def announce(plan: "SweepPlan") -> None:
    """Say what is going to be trained and about how long it takes."""
    if not plan.left and not plan.others:
        return
    definition, fidelity = plan.definition, plan.fidelity
    say(f"study {plan.study} in {plan.storage.safe_url}")
    work = f"{count(fidelity.epochs, 'epoch')} on all development rows, scored on the test rows"
    say(f"  tables   {len(plan.sweeps)} of {len(definition.tables)}, {count(plan.rows, 'row')}, {_times(plan.repeats)}")
    say(f"  a row    {fidelity.name}: {work}")
    trained = len(plan.jobs) - plan.left
    say(
        f"  to do    {plan.left} of {count(len(plan.jobs), 'distinct training')}"
        + (f", {trained} are done" if trained else "")
        + (f", and {plan.others} more that an earlier run left undone" if plan.others else "")
        + f", {by_whom(plan.workers)}"
    )
    if plan.changed:
        say(CHANGED)
    say(f"  time     {expected(plan)}; Ctrl-C keeps what is done, and the same command goes on")


def conclude(report: "SweepReport", plan: "SweepPlan") -> None:
    """Print each table, what became of its choice, what techniques add, and what would tell more."""
    from hpo.analysis.table_wording import table_sentence

    ablations = {one.id: one for one in report.ablations}

    unit = f" ({report.unit})" if report.unit else ""
    for found in report.tables:
        _table(found, report)
        if found.sweep.id in ablations:
            ablation_table(ablations[found.sweep.id])
        else:
            tell(table_sentence(found, report.source))
        tell()
    even = all(_done(row) == report.repeats for found in report.tables for row in found.rows)
    times = _times(report.repeats, "" if even else "up to ")
    tell(f"train and test: {report.metric}{unit}, {what_is_better(report.direction)}; {times}")
    for line in _remarks(report, plan):
        tell(line)


def expected(plan: "SweepPlan") -> str:
    """About how long it takes, and what that is told from."""
    if plan.seconds is None:
        return "told after the first trainings"
    basis = "at the pace so far" if plan.measured else "at a guess, on cores of a common laptop"
    return f"about {duration(plan.seconds)} {basis}"


def places(values: Iterable[float], digits: int = 4) -> int:
    """Decimal places that give the largest of the values so many significant digits."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    return digits - 1 if largest == 0 else min(max(digits - 1 - math.floor(math.log10(largest)), 0), 8)


def spread(mean: float | None, sd: float | None, decimals: int) -> str:
    """A mean and its standard deviation, both to the same decimal place; a dash where there is none."""
    if mean is None:
        return "-"
    return f"{mean:.{decimals}f}" + ("" if sd is None else f" ± {sd:.{decimals}f}")


def _table(found: "TableFinding", report: "SweepReport") -> None:
    from hpo.analysis.table_wording import row_label, varied
    from hpo.analysis.tables import FIGURES

    names = [name for name in FIGURES if any(name in row.figures for row in found.rows)]
    decimals = {name: _places(found, name) for name in names}
    reported = {name for name in names if any(f.reported is not None for f in _column(found, name))}
    headings = [varied(found.sweep)]
    for name in names:
        headings += [name, report.source] if name in reported else [name]
    rows = []
    for row in found.rows:
        cells = [row_label(found.sweep, found.sweep.rows[row.index])]
        for name in names:
            figure = row.figures.get(name)
            cells.append(_measured(figure, decimals[name]))
            if name in reported:
                cells.append(_reported(None if figure is None else figure.reported))
        rows.append([*cells, _note(found, row, report)])
    title = f"{found.sweep.id}: {found.sweep.title}"
    table([*headings, ""], rows, title=title, right=range(1, len(headings)), text=(0, len(headings)))


def _places(found: "TableFinding", name: str) -> int:
    """Decimal places of a column; train and test are the same metric, so they have them in common."""
    alike = ("seconds",) if name == "seconds" else ("train", "test")
    return places(
        (f.mean for n in alike for f in _column(found, n) if f.mean is not None), 3 if name == "seconds" else 4
    )


def _column(found: "TableFinding", name: str) -> "list[FigureFinding]":
    return [row.figures[name] for row in found.rows if name in row.figures]


def _measured(figure: "FigureFinding | None", decimals: int) -> str:
    if figure is None:
        return "-"
    mark = " *" if figure.disagrees else ""
    return spread(figure.mean, figure.sd, decimals) + mark


def _reported(figure: Decimal | None) -> str:
    return "-" if figure is None else str(figure)


def _note(found: "TableFinding", row: "RowFinding", report: "SweepReport") -> str:
    parts = []
    if row.index == found.sweep.chosen and found in report.choices:
        parts.append(f"the {report.source}'s choice")
    if row.index in found.better:
        parts.append("better")
    done = _done(row)
    if row.reasons:
        share = "" if done == len(row.reasons) else f"{len(row.reasons)} of {done} repeats "
        parts.append(share + row.reasons[0])
    elif done < report.repeats:
        parts.append(f"{done} of {count(report.repeats, 'repeat')} trained" if done else "not trained yet")
    return ", ".join(parts)


def _done(row: "RowFinding") -> int:
    """Repeats of a row that have ended, whether well or not."""
    return max((len(figure.measured) for figure in row.figures.values()), default=0) + len(row.reasons)


def _remarks(report: "SweepReport", plan: "SweepPlan") -> Sequence[str]:
    lines = []
    figures = [figure for t in report.tables for row in t.rows for figure in row.figures.values()]
    test = "95 % prediction interval, Holm over the rows of a column"
    if any(figure.disagrees for figure in figures):
        lines.append(f"* the {report.source}'s figure is further off than noise and its rounding explain ({test})")
    elif any(figure.p is not None for figure in figures):
        lines.append(
            f"of the {report.source}'s figures that can be tested none is further off than noise and rounding explain "
            f"({test})"
        )
    if not report.against_report and report.has_reported:
        epochs = plan.definition.fidelities[-1].epochs
        lines.append(
            f"trained {count(plan.fidelity.epochs, 'epoch')} where the {report.source} trained {epochs}, so its "
            "figures stand beside these without a test of whether they agree"
        )
    if report.repeats == 1:
        more = (_GOOD_REPEATS - 1) * len(plan.jobs)
        lines.append(
            "one repeat tells nothing of the noise, so there is no ± and no verdict; "
            f"--repeats {_GOOD_REPEATS} gives both and trains {more} more"
        )
    if report.left:
        lines.append(f"its time is up with {report.left} of the trainings left; the same command goes on")
    return lines


def _times(repeats: int, before: str = "") -> str:
    """How often each row is trained; `before`: up to, where some rows have come less far."""
    return "each trained once" if repeats == 1 else f"each trained {before}{repeats} times with different seeds"


def ablation_table(found: "AblationFinding") -> None:
    """Print what each technique adds, and how to read it."""
    names = [(one.name, one.alone, one.company, one.interaction) for one in found.techniques]
    effects = [effect for _, *those in names for effect in those]
    rows = [(name, *(_effect(effect) for effect in those)) for name, *those in names]
    headings = ("technique", "alone", "in company", "interaction")
    table(headings, rows, title="What each technique adds", right=(1, 2, 3), text=(0, 1, 2, 3))
    if found.together.difference is not None:
        tell(f"all together: {_effect(found.together)}")
    tell("alone: to the plain row; in company: to all the others; interaction: the second less the first. + is better")
    if any(effect.ci95 for effect in effects):
        tell("in brackets the 95 % interval (Welch); * leaves 0 out; not corrected for the number of techniques")
    for note in dict.fromkeys(effect.note for effect in effects if effect.note):
        tell(f"note: {note}")


def _effect(effect: "Effect") -> str:
    if effect.difference is None:
        return "-"
    if effect.ci95 is None:
        return f"{effect.difference:+.4g}"
    low, high = effect.ci95
    return f"{effect.difference:+.4g} [{low:+.3g}, {high:+.3g}]{' *' if effect.sure else ''}"


def announce_greedy(plan: "SweepPlan") -> None:
    """Say what is going to be trained and about how long it takes."""
    if not plan.left and not plan.others:
        return
    definition, fidelity = plan.definition, plan.fidelity
    say(f"study {plan.study} in {plan.storage.safe_url}")
    rows = count(plan.rows, "row")
    say(f"  method   {len(plan.sweeps)} tables, {rows}, each table from the winner of those before it")
    say(f"  chosen   {definition.direction} {definition.metric}, {evaluation_words(definition.evaluation)}")
    splits = count(plan.repeats, "split")
    work = fidelity_words(fidelity, definition.evaluation, definition.labels)
    say(f"  a row    {fidelity.name}: {work}; {splits}, the same for all")
    others = f", and {plan.others} that an earlier run left undone" if plan.others else ""
    say(f"  to do    about {count(plan.left, 'training')}{others}, {by_whom(plan.workers)}")
    if plan.changed:
        say(CHANGED)
    say(f"  time     {expected(plan)}; Ctrl-C keeps what is done, and the same command goes on")


def conclude_greedy(report: "GreedyReport") -> None:
    """Print each table with its choice beside the source's, then both final configurations."""
    from hpo.analysis.table_wording import row_label

    for found in report.tables:
        _greedy_table(found, report.source)
        if found.chosen is None:
            tell("no row can be trained from here; the winner so far goes on")
        else:
            chosen = row_label(found.sweep, found.sweep.rows[found.chosen])
            theirs = row_label(found.sweep, found.sweep.rows[found.sweep.chosen])
            tell(
                f"chosen: {chosen}; by the {report.source}: {theirs}"
                if chosen != theirs
                else f"chosen: {chosen}, as in the {report.source}"
            )
        tell()
    _final(report)
    unit = f" ({report.unit})" if report.unit else ""
    better = what_is_better(report.direction)
    tell(f"{report.metric} on validation rows{unit}, {better}, the mean of {count(report.repeats, 'split')}")
    if not report.complete:
        tell(f"its time is up after {count(len(report.tables), 'table')}; the same command goes on")


def _greedy_table(found: "GreedyTable", source: str) -> None:
    from hpo.analysis.table_wording import row_label, varied

    decimals = places([row.mean for row in found.rows if row.mean is not None])
    rows = []
    for row in found.rows:
        notes = ["chosen"] if row.index == found.chosen else []
        notes += [f"the {source}'s choice"] if row.index == found.sweep.chosen else []
        notes += [row.reason] if row.reason else []
        sd = stdev(row.scores) if len(row.scores) > 1 else None
        label = row_label(found.sweep, found.sweep.rows[row.index])
        rows.append([label, spread(row.mean, sd, decimals), ", ".join(notes)])
    table(
        [varied(found.sweep), "validation", ""],
        rows,
        title=f"{found.sweep.id}: {found.sweep.title}",
        right=(1,),
        text=(0, 2),
    )


def _final(report: "GreedyReport") -> None:
    names = [*report.final, *(name for name in report.reported if name not in report.final)]
    rows = []
    for name in names:
        ours, theirs = report.final.get(name), report.reported.get(name)
        rows.append([name, figure(ours), figure(theirs), "" if ours == theirs else "differs"])
    title = "the configuration it ends with" if report.complete else "the winner so far"
    table(["", "greedy", report.source, ""], rows, title=title)
