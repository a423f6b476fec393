"""Another Python that imports what this one does, whatever lies in the folder it starts in."""

import json
import sys

from hpo.study import import_path

__all__ = ["command", "first_line"]

# -P keeps the working folder off the import path: a keras.py or random.py in it would hide what is meant.
_BEGIN = "import json, sys; sys.path[:] = json.loads(sys.stdin.buffer.readline()); "


def command(code: str, *arguments: str) -> list[str]:
    """How to start it: it reads `first_line()` from its standard input, then runs `code`, which finds `arguments`."""
    return [sys.executable, "-P", "-c", _BEGIN + code, *arguments]


def first_line() -> bytes:
    """What to give it first: the import path."""
    return json.dumps(import_path.own()).encode() + b"\n"
