"""A configuration that somebody picked by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hpo.study.checked_records import Name, check
from hpo.study.space import Params

__all__ = ["Baseline", "hand_picked"]


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


def hand_picked(baselines: Sequence[Baseline], space: str, prior: Params | None) -> Baseline | None:
    """The hand-picked configuration of a search, which it is compared with; None where there is none.

    Args:
        baselines: those of what is searched.
        space: name of the search's space.
        prior: the configuration the search was told to begin with, as that space writes it; None: whatever is the
            first of the baselines. One that is none of them is called prior.

    """
    if prior is None:
        return baselines[0] if baselines else None
    for each in baselines:
        if dict(each.params_in(space)) == dict(prior):
            return each
    return Baseline(name="prior", title="what the search began with", params=prior, elsewhere={space: prior})
