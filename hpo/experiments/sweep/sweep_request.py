"""What a person asks of a sweep or of the greedy method, checked before anything is written."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hpo.errors import DefinitionError, UsageError
from hpo.experiments.measure import Limits
from hpo.messages import did_you_mean
from hpo.study import registry

if TYPE_CHECKING:
    from hpo.study import Fidelity, StudyDefinition, Sweep

__all__ = ["MAX_REPEATS", "SweepRequest", "chosen_sweeps"]

MAX_REPEATS = 1000  # of each configuration


@dataclass(frozen=True, kw_only=True)
class SweepRequest:
    """Train the rows of a definition's tables again, each so many times.

    Raises:
        UsageError: a number is out of range.

    """

    definition: str  # as `registry.load` takes it: cnn, package.module:attribute, path/to/file.py:attribute
    sweeps: tuple[str, ...] = ()  # ids of tables; none: all of them
    repeats: int = 1  # trainings of each configuration, with seeds of their own; earlier runs included
    fidelity: str | None = None  # None: the definition's last, as the report trained
    storage: str = field(default="sqlite:///hpo.db", repr=False)  # URL; may hold a password, so never print it
    seed: int | None = None  # None: the study's own, 0 where it is new
    limits: Limits = field(default_factory=Limits)  # how it is carried out

    def __post_init__(self) -> None:
        for what, number, low, high in (("repeats", self.repeats, 1, MAX_REPEATS), ("seed", self.seed, 0, 2**32 - 1)):
            if number is None:
                continue
            if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= high:
                raise UsageError(f"{what} must be a whole number from {low:,} to {high:,}, not {number}")

    def resolve(self) -> "tuple[StudyDefinition, Fidelity]":
        """The definition and the fidelity that are meant.

        Raises:
            UsageError: there is no such definition or fidelity.
            DefinitionError: the definition cannot be loaded, or has no tables.

        """
        definition = registry.load(self.definition)
        if not definition.tables:
            raise DefinitionError(
                f"definition {definition.name!r} has no sweeps, so there is no table to run: give its StudyDefinition "
                "sweeps=(Sweep(...), ...), or search it with hpo optimize"
            )
        fidelity = definition.fidelities[-1] if self.fidelity is None else definition.fidelity(self.fidelity)
        return definition, fidelity


def chosen_sweeps(definition: "StudyDefinition", ids: tuple[str, ...]) -> "tuple[Sweep, ...]":
    """The tables of those ids, each once, in the report's order; all where none is named. Raises UsageError."""
    known = [sweep.id for sweep in definition.tables]
    for wanted in ids:
        if wanted not in known:
            guess = did_you_mean(wanted, known)
            raise UsageError(f"{definition.name} has no sweep {wanted!r}; {guess}It has: {', '.join(known)}")
    return tuple(sweep for sweep in definition.tables if not ids or sweep.id in ids)
