"""Configurations of a space, drawn by Hypothesis as a search draws them."""

from typing import Any

from hypothesis import strategies as st

from hpo.study import Categorical, Int, Space

__all__ = ["configurations"]


@st.composite
def configurations(draw: st.DrawFn, space: Space) -> dict[str, Any]:
    """Any configuration of the space."""
    params: dict[str, Any] = {}
    for name, domain in space.params.items():
        if space.is_active(name, params):
            params[name] = draw(_of(domain))
    return params


def _of(domain: Any) -> st.SearchStrategy[Any]:
    if isinstance(domain, Categorical):
        return st.sampled_from(domain.choices)
    return (st.integers if isinstance(domain, Int) else st.floats)(domain.low, domain.high)
