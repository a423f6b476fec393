"""Texts with `{names}` in braces, which stand for a trial's parameters and other things known when it begins."""

import re
from collections.abc import Iterable, Mapping

from hpo.errors import DefinitionError
from hpo.messages import did_you_mean
from hpo.study.space import ParamValue

__all__ = ["as_text", "filled", "named", "refuse_unknown"]

_NAME = r"([A-Za-z_][\w.-]*)"
_PLACEHOLDER = re.compile(rf"\{{\{{{_NAME}\}}\}}|(?<!\$)\{{{_NAME}\}}")  # a shell's own ${{NAME}} is none


def named(text: str) -> tuple[str, ...]:
    """The names in a text, in order."""
    return tuple(found[2] for found in _PLACEHOLDER.finditer(text) if found[2])


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with what its names stand for; a name in doubled braces keeps single ones. Raises KeyError."""
    return _PLACEHOLDER.sub(lambda found: values[found[2]] if found[2] else f"{{{found[1]}}}", text)


def refuse_unknown(text: str, known: Iterable[str], what: str) -> None:
    """Refuse a name that stands for nothing.

    Args:
        text: with names in braces.
        known: the names there are.
        what: the text, in words.

    Raises:
        DefinitionError: it names the word and what there is.

    """
    there = list(known)
    for name in named(text):
        if name not in there:
            meant = did_you_mean(name, there, f"there are: {', '.join(there)}")
            raise DefinitionError(
                f"{what} names {{{name}}}, which stands for nothing; {meant}; where the braces are meant, write "
                f"{{{{{name}}}}}"
            )


def as_text(value: ParamValue) -> str:
    """A parameter's value as a program is given it: true, false and none in small letters, numbers with all digits."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else repr(value)
