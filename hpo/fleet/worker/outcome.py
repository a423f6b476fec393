"""What came of one trial: a result, a fault of its own, a crash, or an error that ends the run.

A result that the database will not have is kept as text: a line of JSON in a file beside it.
"""

import errno
import json
import math
import os
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hpo.errors import HpoError, StorageError, TrialError
from hpo.messages import one_line, said
from hpo.optuna_internals import constraints, storage_of, trial_id
from hpo.storage import Storage
from hpo.storage.slots.slot import LeaseLost, Outcome, Slot
from hpo.storage.storage_url import StorageUrl

if TYPE_CHECKING:
    import optuna

__all__ = ["Result", "is_ctrl_c", "judge", "keep_as_text"]

_LONGEST = 20_000  # characters of a traceback that are kept, from its end
_OUT_OF_MEMORY = "ResourceExhaustedError"  # TensorFlow's; by name, as nothing here imports it
_SUFFIX = ".lost-results.jsonl"  # added to the name of the database's file


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of one trial, as its slot will keep it."""

    outcome: Outcome | Literal["exhausted"]  # exhausted: out of memory, so worth another attempt in a fresh process
    value: float | None = None
    further: tuple[float, ...] = ()  # values of the objectives after the first
    reason: str | None = None  # one line
    traceback: str | None = None


def judge(
    storage: Storage, objective: "Callable[[optuna.Trial], float | Sequence[float]]", trial: "optuna.Trial"
) -> Result:
    """Run the objective and say what came of it.

    What the definition's own code raises fails the trial, and would fail it again, so it is not retried. Running out
    of memory may be a neighbour's fault, so it is.

    Raises:
        LeaseLost: the slot is somebody else's.
        StorageError: the database broke the trial off.
        HpoError: no trial can run: the data are missing, the disk is full.
        KeyboardInterrupt: a person's Ctrl-C.

    """
    from optuna.exceptions import TrialPruned

    from hpo.search.program_output import ProgramFailed

    try:
        return _feasible(trial, _valued(objective(trial), len(trial.study.directions)))
    except TrialPruned as error:
        return Result(outcome="pruned", value=_last_report(trial), reason=said(error) or None)
    except (LeaseLost, HpoError):  # neither is a fault of the trial
        raise
    except TrialError as error:
        return Result(outcome="pruned", reason=said(error) or type(error).__name__)
    except ProgramFailed as error:
        details = storage.where.hide(error.details)[-_LONGEST:]
        return Result(outcome="failed", reason=storage.where.hide(said(error)), traceback=details or None)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and is_ctrl_c():
            raise
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageError("the disk is full: free some space and run the same command again") from error
        exhausted = isinstance(error, MemoryError) or type(error).__name__ == _OUT_OF_MEMORY
        return Result(
            outcome="exhausted" if exhausted else "failed",
            reason=storage.where.hide(one_line(error)),
            traceback=storage.where.hide(traceback.format_exc())[-_LONGEST:],
        )


def is_ctrl_c() -> bool:
    """Whether a KeyboardInterrupt in this thread may be a person's Ctrl-C, and not the work of a definition.

    A worker keeps signals out of its threads (see `process.py`), so nothing else can raise one there.
    """
    return signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def _valued(value: Any, objectives: int) -> Result:
    try:
        values = [float(value)] if objectives == 1 else [float(each) for each in value]
    except (TypeError, ValueError):
        wanted = "a number" if objectives == 1 else f"{objectives} numbers"
        return Result(outcome="failed", reason=f"the objective returned {value!r:.100}, not {wanted}")
    if len(values) != objectives:
        return Result(outcome="failed", reason=f"the objective returned {len(values)} values, not {objectives}")
    for number in values:
        if not math.isfinite(number):
            return Result(outcome="failed", reason=f"the value is {number}, not a finite number")
    return Result(outcome="complete", value=values[0], further=tuple(values[1:]))


def _feasible(trial: "optuna.Trial", result: Result) -> Result:
    """A trial that came to its end and broke a constraint is no candidate, so it is pruned; samplers learn from both.

    Hence whatever is complete is feasible, and the best of a study is.
    """
    broken = sorted(name for name, value in constraints(trial).items() if value > 0)
    if result.outcome != "complete" or not broken:
        return result
    return replace(result, outcome="pruned", reason=f"infeasible: {', '.join(broken)} above 0")


def _last_report(trial: "optuna.Trial") -> float | None:
    reports = storage_of(trial.study).get_trial(trial_id(trial)).intermediate_values
    return reports[max(reports)] if reports else None


def keep_as_text(where: StorageUrl, slot: Slot, trial: "optuna.Trial", result: Result, *, why: str) -> Path | None:
    """Write down what a trial came to, beside the database that will not have it, or in the folder we are in.

    The file; None where it could be written nowhere.
    """
    record = {
        "storage": where.safe,
        "study": slot.study,
        "slot": slot.position,
        "trial": trial.number,
        "attempt": slot.attempt,
        "worker": slot.worker,
        "params": dict(trial.params),
        "outcome": result.outcome,
        "value": result.value,
        "further": list(result.further),
        "reason": result.reason,
        "why": why,
        "time": time.time(),
    }
    line = f"{json.dumps(record, default=str)}\n".encode()
    for file in _places(where):
        try:
            # One write of all: lines of several workers do not mix.
            descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError:
            continue
        try:
            whole = os.write(descriptor, line) == len(line)
        except OSError:  # the disk is full
            continue
        finally:
            os.close(descriptor)
        if whole:
            return file
    return None


def _places(where: StorageUrl) -> Iterator[Path]:
    name = f"{where.path.name if where.path is not None else 'hpo'}{_SUFFIX}"
    if where.path is not None:
        yield where.path.with_name(name)
    yield Path.cwd() / name
    yield Path(tempfile.gettempdir()) / name
