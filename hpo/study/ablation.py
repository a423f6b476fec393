"""An ablation: what each of several techniques adds, alone to a plain configuration and in company of all others."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from hpo.study.annotations import Name
from hpo.study.checked_records import check
from hpo.study.parameters import Params
from hpo.study.sweep import Row, Sweep

__all__ = ["Ablation", "Technique"]


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
