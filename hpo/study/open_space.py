"""The space of an objective: one that it defines as it runs, which nobody knows beforehand, or one it declares."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hpo.errors import DefinitionError
from hpo.study import value_checks
from hpo.study.checked_records import Name, check
from hpo.study.space import Domain, Params, Space

__all__ = ["DECLARED", "DEFINE_BY_RUN", "DefineByRun", "is_of_objective"]

DEFINE_BY_RUN = "define-by-run"
"""What such a space is called, in Optuna's words."""

DECLARED = "declared-by-objective"
"""What the space is called that an objective declares: an ordinary one, with all that samplers make of such."""


def is_of_objective(space: str) -> bool:
    """Whether a space of that name is an objective's, and no study definition's."""
    return space in (DEFINE_BY_RUN, DECLARED)


@dataclass(frozen=True, kw_only=True)
class DefineByRun(Space):
    """Whatever parameters its objective suggests when it runs; a configuration may name some of them or all.

    Raises:
        DefinitionError: it is given parameters.

    """

    name: Name = DEFINE_BY_RUN
    params: Mapping[Name, Domain] = field(default_factory=dict)  # none is known

    def __post_init__(self) -> None:
        check(self)
        if self.params:
            raise DefinitionError(f"space {self.name!r} is defined by its objective, so it declares no parameters")

    def problem(self, params: Params) -> str | None:
        """Why `params` can be no configuration; what its objective would refuse, only that knows."""
        for name, value in params.items():
            try:
                value_checks.name(name, "a parameter's name")
                if value is not None:
                    value_checks.value(value, f"{name}")
            except DefinitionError as error:
                return str(error)
        return None

    @property
    def size(self) -> None:
        """Nobody knows how many configurations there are."""
        return
