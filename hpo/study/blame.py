"""Which line of a person's own code an exception comes from."""

import importlib
import traceback
from pathlib import Path

__all__ = ["line"]

_LIBRARY = str(Path(__file__).parent.parent)


def line(error: BaseException, where: str) -> str:
    """The innermost line that is no code of ours, as FILE:NUMBER; of the file `where` if any is; else `where` alone."""
    frames = traceback.extract_tb(getattr(error, "stands_for", error).__traceback__)
    own = [frame for frame in frames if frame.filename == where]
    outside = [f for f in frames if not f.filename.startswith((_LIBRARY, "<frozen", str(importlib.__file__)))]
    for frame in reversed(own or outside):
        return f"{frame.filename}:{frame.lineno}"
    return where
