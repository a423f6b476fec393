"""Notes: what HpoWarnings say, on its way to a person.

Library code says `warnings.warn(text, HpoWarning)` and knows no more. Where a program of ours runs, each is told once
and always: Python's filters, which `-W`, the environment or a definition may have set to hide warnings, are not asked.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from hpo.errors import HpoWarning

__all__ = ["insist", "told"]

_listening = 0  # how many `told` there are within one another


@contextmanager
def told(tell: Callable[[str], object]) -> Iterator[None]:
    """While inside, `tell` is given the line of each HpoWarning, once; all other warnings are shown as ever."""
    global _listening
    known: set[str] = set()
    with warnings.catch_warnings():
        before = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if not issubclass(category, HpoWarning):
                before(message, category, filename, lineno, file, line)
                return
            text = " ".join(str(message).split())
            if text not in known:
                known.add(text)
                tell(text)

        warnings.showwarning = show
        _listening += 1
        insist()
        try:
            yield
        finally:
            _listening -= 1


def insist() -> None:
    """Have HpoWarnings told again after code of others has run, which may have hidden all warnings."""
    if _listening:
        warnings.filterwarnings("always", category=HpoWarning)
