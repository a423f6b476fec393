"""A sweep: one table of a hand-tuning report, one thing varied and everything else held."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from hpo.errors import DefinitionError
from hpo.study.annotations import Count, Name
from hpo.study.checked_records import check
from hpo.study.parameters import Params, ParamValue

__all__ = ["Row", "Sweep"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a table.

    Raises:
        DefinitionError: a field is not of its kind.

    """

    setting: Params  # what this row changes in the base configuration of its table
    reported: Mapping[str, Decimal] = field(default_factory=dict)
    # figure name (train, test, seconds) -> the figure with the digits it was printed with, which tell its rounding
    label: str = ""  # what to call it; empty: by what it sets

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """One table: its base configuration and its rows, in the order of the report.

    Raises:
        DefinitionError: a field is not of its kind, or `chosen` is no row of the table.

    """

    id: Name  # short, unique in its definition: what `hpo sweep DEFINITION SWEEP` takes
    title: str  # what is varied, for a person
    base: Params  # the configuration the table was run from, in the words of the default space
    rows: tuple[Row, ...]  # in the order of the report
    chosen: Count  # index of the row the report went on with

    def __post_init__(self) -> None:
        check(self)
        if not self.chosen < len(self.rows):
            raise DefinitionError(
                f"sweep {self.id!r}: chosen is row {self.chosen} of {len(self.rows)}, which are counted from 0"
            )

    def configuration(self, row: Row) -> dict[str, ParamValue]:
        """The whole configuration of `row`: the base with what the row sets."""
        return {**self.base, **row.setting}
