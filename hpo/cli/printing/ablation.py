"""The table of an ablation: what each technique adds, alone and in company."""

from typing import TYPE_CHECKING

from hpo.cli.printing.output import table, tell

if TYPE_CHECKING:
    from hpo.analysis.tables.ablation import AblationFinding, Effect

__all__ = ["ablation_table"]


def ablation_table(found: "AblationFinding") -> None:
    """Print what each technique adds, and how to read it."""
    names = [(one.name, one.alone, one.company, one.interaction) for one in found.techniques]
    effects = [effect for _, *those in names for effect in those]
    rows = [(name, *(_effect(effect) for effect in those)) for name, *those in names]
    headings = ("technique", "alone", "in company", "interaction")
    table(headings, rows, title="What each technique adds", right=(1, 2, 3))
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
