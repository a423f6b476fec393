"""A configuration that somebody picked by hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hpo.study.checked_records import Name, check
from hpo.study.space import Params

__all__ = ["Baseline"]


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """A named hand-picked configuration, which every space of its definition contains.

    Raises:
        DefinitionError: its name is no text, or a configuration is no mapping.

    """

    name: Name  # short: what `--config` and `--baseline` take
    title: str  # where it comes from, for a person
    params: Params  # as the definition's default space writes it
    elsewhere: Mapping[str, Params] = field(default_factory=dict)
    # space name -> the same configuration, for a space that writes it in other words

    def __post_init__(self) -> None:
        check(self)

    def params_in(self, space: str) -> Params:
        """The configuration as the space named `space` writes it."""
        return self.elsewhere.get(space, self.params)
