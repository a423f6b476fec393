"""The tables of trainings that a definition declares: sweeps of a hand-tuning report, and ablations.

A sweep varies one thing and holds everything else; an ablation tells what each of several techniques adds, alone to a
plain configuration and in company of all others.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from hpo.errors import DefinitionError
from hpo.study.checked_records import Count, Name, check
from hpo.study.space import Params, ParamValue

__all__ = [
    "Ablation",
    "Row",
    "Sweep",
    "Technique",
]


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


@dataclass(frozen=True, kw_only=True)
class Technique:
    """One thing that is there or not.

    Raises:
        DefinitionError: its name is no text, or a configuration is no mapping.

    """

    name: Name  # for a person: "batch normalization"
    alone: Params  # the plain configuration with it, whole, in the words of the default space
    without: Params  # the full configuration without it, likewise

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """A plain configuration, a full one, and the techniques that make the difference.

    `hpo sweep` trains `table`; the report tells what each technique adds alone, in company, and the difference of both.

    Raises:
        DefinitionError: a field is not of its kind.

    """

    id: Name  # short, unique among the definition's sweeps: what `hpo sweep DEFINITION ID` takes
    title: str  # for a person
    plain: Params  # none of the techniques; whole, in the words of the default space
    full: Params  # all of them
    techniques: tuple[Technique, ...]  # each is in the full configuration and not in the plain one

    def __post_init__(self) -> None:
        check(self)

    @functools.cached_property
    def table(self) -> Sweep:
        """The trainings behind it, as a sweep: the plain row, one a technique alone, one without each, the full row."""
        configurations = [
            self.plain,
            *(one.alone for one in self.techniques),
            *(one.without for one in self.techniques),
            self.full,
        ]
        labels = [
            "plain",
            *(f"{one.name} alone" for one in self.techniques),
            *(f"all but {one.name}" for one in self.techniques),
            "all",
        ]
        base = _common(configurations)
        return Sweep(
            id=self.id,
            title=self.title,
            base=base,
            rows=tuple(
                Row(setting={name: value for name, value in params.items() if name not in base}, label=label)
                for params, label in zip(configurations, labels, strict=True)
            ),
            chosen=len(configurations) - 1,
        )

    def alone(self, technique: int) -> int:
        """The row of `table` in which the technique of index `technique`, from 0, stands alone; row 0 has none."""
        return 1 + technique

    def without(self, technique: int) -> int:
        """The row of `table` that lacks only the technique of index `technique`, from 0; the last row lacks none."""
        return 1 + len(self.techniques) + technique


def _common(configurations: Sequence[Params]) -> Params:
    first, *others = configurations
    missing = object()
    return {name: value for name, value in first.items() if all(o.get(name, missing) == value for o in others)}
