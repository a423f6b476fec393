"""Whether a configuration can be trained at all, as its definition says: known before any training."""

from collections.abc import Callable

from hpo.errors import DefinitionError
from hpo.study.contained import contained
from hpo.study.space import Params
from hpo.study.value_checks import shown

__all__ = ["Rule", "always_feasible", "why_infeasible"]

Rule = Callable[[Params], str | None]
"""Why a configuration cannot be trained; None where it can."""


def always_feasible(params: Params) -> str | None:  # noqa: ARG001 - the signature of every `infeasible`
    """The `infeasible` of a definition that can train whatever its spaces hold: it never has a reason.

    Args:
        params: any configuration.

    """
    return None


def why_infeasible(definition: str, rule: Rule, params: Params) -> str | None:
    """Why the configuration cannot be trained, as the rule of its definition says; None where it can.

    Args:
        definition: its name.
        rule: its `infeasible`.
        params: a configuration of one of its spaces.

    Raises:
        DefinitionError: the rule says something else than a text or None.
        Exception: whatever its code raises.

    """
    reason = contained(lambda: rule(params))
    if reason is not None and not isinstance(reason, str):
        raise DefinitionError(f"infeasible() of {definition!r} gave {shown(reason)}: return a text, or None")
    return reason
