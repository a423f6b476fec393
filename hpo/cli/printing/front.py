"""A Pareto front as a table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpo.cli.printing.output import figure, table

if TYPE_CHECKING:
    from hpo.service.views.front import FrontTrial

__all__ = ["front_table"]


def front_table(objectives: Sequence[str], front: "Sequence[FrontTrial]") -> None:
    """The trials none beats in all objectives, best metric first; `hpo trial` shows the configuration of one."""
    rows = [["-" if one.number is None else str(one.number), *map(figure, one.values)] for one in front]
    headings = ["trial", *objectives]
    table(headings, rows, title="front: no trial is better in all of these", right=range(len(headings)))
