"""Whose stdout it is: results' alone. Whatever else prints while a command runs, prints to stderr.

That is code of definitions and libraries, which use `sys.stdout`, and programs they start, which use descriptor 1.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

__all__ = ["apart", "own_stdout", "results"]

_results: TextIO | None = None  # stdout, while `sys.stdout` is something else


def results() -> TextIO:
    """Where results are written."""
    return sys.stdout if _results is None else _results


@contextmanager
def apart() -> Iterator[None]:
    """While inside, `sys.stdout` is stderr, and `results()` alone is stdout."""
    global _results
    before, stdout = _results, sys.stdout
    _results, sys.stdout = results(), sys.stderr
    try:
        yield
    finally:
        _results, sys.stdout = before, stdout


@contextmanager
def own_stdout() -> Iterator[None]:
    """While inside, `sys.stdout` is stdout under a descriptor of its own, and descriptor 1 is stderr.

    It takes every character: what its encoding lacks is written as a backslash escape. Where `sys.stdout` is something
    else than the process's stdout already, nothing is changed.
    """
    stdout = sys.stdout
    if _descriptor(stdout) != 1:
        yield
        return
    stdout.flush()
    kept = os.dup(1)
    sys.stdout = own = os.fdopen(kept, "w", encoding=stdout.encoding, errors="backslashreplace")
    own.reconfigure(line_buffering=bool(stdout.line_buffering), write_through=getattr(stdout, "write_through", False))
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout = stdout
        with suppress(OSError):  # whoever writes results sees to it that they are written
            own.flush()
        os.dup2(kept, 1)
        with suppress(OSError):
            own.close()


def _descriptor(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError):  # it stands for none, or is closed
        return None
