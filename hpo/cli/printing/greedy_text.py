"""What `hpo sweep --greedy` says before it begins, its choice at each table, and the configuration it ends with."""

from statistics import stdev
from typing import TYPE_CHECKING

from hpo.cli.printing.console import figure, say, table, tell
from hpo.cli.printing.phrases import CHANGED, by_whom, count, evaluation_words, fidelity_words, what_is_better
from hpo.cli.printing.tables_text import expected, places, spread

if TYPE_CHECKING:
    from hpo.experiments.sweep.greedy_report import GreedyReport, GreedyTable
    from hpo.experiments.sweep.sweep_plan import SweepPlan

__all__ = ["announce", "conclude"]


def announce(plan: "SweepPlan") -> None:
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


def conclude(report: "GreedyReport") -> None:
    """Print each table with its choice beside the source's, then both final configurations."""
    from hpo.analysis.tables.table_wording import row_label

    for found in report.tables:
        _table(found, report.source)
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


def _table(found: "GreedyTable", source: str) -> None:
    from hpo.analysis.tables.table_wording import row_label, varied

    decimals = places([row.mean for row in found.rows if row.mean is not None])
    rows = []
    for row in found.rows:
        notes = ["chosen"] if row.index == found.chosen else []
        notes += [f"the {source}'s choice"] if row.index == found.sweep.chosen else []
        notes += [row.reason] if row.reason else []
        sd = stdev(row.scores) if len(row.scores) > 1 else None
        label = row_label(found.sweep, found.sweep.rows[row.index])
        rows.append([label, spread(row.mean, sd, decimals), ", ".join(notes)])
    table([varied(found.sweep), "validation", ""], rows, title=f"{found.sweep.id}: {found.sweep.title}", right=(1,))


def _final(report: "GreedyReport") -> None:
    names = [*report.final, *(name for name in report.reported if name not in report.final)]
    rows = []
    for name in names:
        ours, theirs = report.final.get(name), report.reported.get(name)
        rows.append([name, figure(ours), figure(theirs), "" if ours == theirs else "differs"])
    title = "the configuration it ends with" if report.complete else "the winner so far"
    table(["", "greedy", report.source, ""], rows, title=title)
