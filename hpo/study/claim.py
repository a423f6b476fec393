"""A conclusion of a hand-tuning report, written so that measurements of its tables can test it."""

from dataclasses import dataclass
from typing import Literal

from hpo.errors import DefinitionError
from hpo.study.checked_records import Count, Name, check

__all__ = ["Claim", "Contrast", "ContrastFigure", "Relation"]

ContrastFigure = Literal["test", "train", "gap", "seconds"]
"""What is compared: a score on the test or the training rows, how much worse the first is than the second (the gap, in
the metric's direction: positive where the model overfits), or the time of a training."""

Relation = Literal["higher", "lower", "alike"]
"""How one side's figure lies to the other's, as numbers: a lower mean absolute error is a better one."""


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """One comparison within one table: the mean of some rows against the mean of others.

    Raises:
        DefinitionError: a side has no rows, a row stands on both sides or twice, or times are claimed to be alike, for
            which a definition has no margin.

    """

    sweep: Name  # id of the table
    figure: ContrastFigure  # what is compared: "test", "train", "gap" or "seconds"
    rows: tuple[Count, ...]  # from 0, in the table's order
    relation: Relation  # of the mean of `rows` to the mean of `than`
    than: tuple[Count, ...]  # from 0

    def __post_init__(self) -> None:
        check(self)
        both = (*self.rows, *self.than)
        if not self.rows or not self.than or len(set(both)) != len(both):
            raise DefinitionError(
                f"a contrast of sweep {self.sweep!r} needs rows on both sides and none of them twice, "
                f"not {self.rows!r} and {self.than!r}"
            )
        if self.figure == "seconds" and self.relation == "alike":
            raise DefinitionError(
                f"a contrast of sweep {self.sweep!r} says that seconds are alike: the margin of what is alike is in "
                "the metric's unit, so say higher or lower of seconds"
            )

    @classmethod
    def each(
        cls,
        *,
        sweep: str,
        figure: ContrastFigure,
        rows: tuple[int, ...],
        relation: Relation,
        than: tuple[int, ...],
    ) -> tuple["Contrast", ...]:
        """One contrast for each of `rows`, for a claim that must hold of every one and not only of their mean.

        Args:
            sweep: id of the table.
            figure: what is compared.
            rows: each of them is one side, from 0.
            relation: of each of `rows` to the mean of `than`.
            than: the other side of every contrast, from 0.

        """
        return tuple(cls(sweep=sweep, figure=figure, rows=(row,), relation=relation, than=than) for row in rows)

    def __str__(self) -> str:
        """In words, rows counted from 1 as a person does."""
        named = {"gap": "gap between train and test"}.get(self.figure, self.figure)
        relation = {"alike": "like"}.get(self.relation, f"{self.relation} than")
        return f"{self.sweep}: {named} of {_rows(self.rows)} {relation} that of {_rows(self.than)}"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One conclusion: it holds if all its contrasts do.

    Raises:
        DefinitionError: a field is not of its kind.

    """

    id: Name  # short, unique in its definition
    text: str  # the conclusion in plain English, one sentence
    source: str  # section of the report: "A.3", "C"
    contrasts: tuple[Contrast, ...] = ()  # empty: no table of the report can test it

    def __post_init__(self) -> None:
        check(self)


def _rows(rows: tuple[int, ...]) -> str:
    return ("row " if len(rows) == 1 else "rows ") + ", ".join(str(row + 1) for row in rows)
