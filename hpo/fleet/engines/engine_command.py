"""A command of an engine's own, run: what it prints, or what is wrong in one line."""

import re
import subprocess
from collections.abc import Mapping, Sequence

from hpo.fleet.engines.fleet_engine import EngineError

__all__ = ["output"]

_LOGGED = re.compile(r"[IWEF]\d{4} \d\d:")  # kubectl logs each try before it says what is wrong
_TIMEOUT = 60.0  # seconds for each command; what it asks may be busy


def output(words: Sequence[str], *, stdin: str = "", environment: Mapping[str, str] | None = None) -> str:
    """What a command prints.

    Args:
        words: the command; none of them may be secret, as every user of the machine sees them.
        stdin: what it reads.
        environment: all of it; None: this process's.

    Raises:
        EngineError: it cannot be run, does not end in time, or fails; with its own words.

    """
    name = words[0]
    try:
        done = subprocess.run(words, input=stdin, env=environment, capture_output=True, text=True, timeout=_TIMEOUT)
    except subprocess.TimeoutExpired:
        raise EngineError(f"{name} did not answer within {_TIMEOUT:g} seconds") from None
    except OSError as error:
        raise EngineError(f"{name} cannot be run: {error.strerror}") from None
    if done.returncode:
        lines = [" ".join(line.split()) for line in done.stderr.splitlines() if line.strip()]
        told = "; ".join([line for line in lines if not _LOGGED.match(line)] or lines)[:300]
        raise EngineError(f"{name} says: {told or f'nothing, with exit code {done.returncode}'}")
    return done.stdout
