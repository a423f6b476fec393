"""The space of an objective that asks its trial for one parameter after another: nobody knows it beforehand."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hpo.errors import DefinitionError
from hpo.study import value_checks
from hpo.study.checked_records import Name, check
from hpo.study.space import Domain, Params, Space

__all__ = ["DEFINE_BY_RUN", "DefineByRun"]

DEFINE_BY_RUN = "define-by-run"
"""What such a space is called, in Optuna's words."""


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
