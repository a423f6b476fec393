"""A hand-picked configuration: what the search has to beat."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hpo.study.checks import keep, mapping, text
from hpo.study.parameters import Params

__all__ = ["Baseline"]


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """A named hand-picked configuration, which every space of its definition contains.

    Raises:
        DefinitionError: its name is no text, or a configuration is no mapping.

    """

    name: str
    title: str  # where it comes from, for a person
    params: Params  # as the definition's default space writes it
    elsewhere: Mapping[str, Params] = field(default_factory=dict)
    # space name -> the same configuration, for a space that writes it in other words

    def __post_init__(self) -> None:
        keep(self, name=text(self.name, "a baseline's name"))
        what = f"baseline {self.name!r}"
        keep(self, title=text(self.title, f"{what}: title", empty=True), params=mapping(self.params, f"{what}: params"))
        elsewhere = mapping(self.elsewhere, f"{what}: elsewhere", '{"wide": {"layers": 2}}')
        keep(self, elsewhere={n: mapping(params, f"{what}: elsewhere {n!r}") for n, params in elsewhere.items()})

    def params_in(self, space: str) -> Params:
        """The configuration as the space of that name writes it."""
        return self.elsewhere.get(space, self.params)
