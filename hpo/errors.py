"""The errors a person may meet: one root, and a message that names the value, the limit and the remedy.

An `HpoError` is expected: the command line prints its message as one line and exits with `exit_code`. Anything else
that escapes is a defect. `TrialError` is different in kind: it ends one trial, never the run.
"""

__all__ = [
    "DataError",
    "DefinitionError",
    "Diverged",
    "HpoError",
    "HpoWarning",
    "Infeasible",
    "ReplacedError",
    "StorageError",
    "StudyError",
    "TrialError",
    "UnknownStudyError",
    "UsageError",
]


class HpoError(Exception):
    """Root of every expected error; its text is one line for a person."""

    exit_code = 1  # what the command line exits with


class HpoWarning(UserWarning):
    """Something a person should know that stops nothing: what is trained otherwise, or slower, than could be hoped.

    Said by `warnings.warn`, in one line. What a worker says its supervisor says again, once however many say it.
    """


class UsageError(HpoError):
    """What was asked for cannot be: an unknown name, a number out of range, options that exclude one another."""

    exit_code = 2


class DefinitionError(HpoError):
    """A study definition cannot be loaded, or contradicts itself."""


class DataError(HpoError):
    """A data set cannot be had, or a file of it fails its check."""


class StorageError(HpoError):
    """The database cannot be reached, opened, written, or is not ours."""

    def __init__(self, message: str, *, transient: bool = False, mendable: bool = False) -> None:
        self.transient = transient  # it may be over in a moment, so the same call is worth another try
        self.mendable = mendable  # it is over once somebody has seen to it, which whoever serves for ever waits for
        super().__init__(message)


class ReplacedError(StorageError):
    """The database in use is gone, or another took its place, which knows nothing of what is in hand or is not ours."""


class StudyError(HpoError):
    """A study does not exist, or what it is contradicts what is asked of it."""


class UnknownStudyError(StudyError):
    """There is no study of that name."""


class TrialError(Exception):
    """Root of what ends one trial and leaves the run going."""


class Infeasible(TrialError):  # noqa: N818 - an outcome, named as the field names it
    """What a configuration makes cannot be trained on these rows."""

    def __init__(self, why: str) -> None:
        super().__init__(f"infeasible: {why}")


class Diverged(TrialError):  # noqa: N818 - an outcome, named as the field names it
    """Training left the finite numbers."""

    def __init__(self, *, epoch: int, step: int | None = None, what: str = "the loss") -> None:
        self.epoch = epoch  # epoch it happened in, from 1
        self.step = step  # optimizer step within that epoch, from 1; None: seen after the epoch
        when = f"after epoch {epoch}" if step is None else f"at step {step} of epoch {epoch}"
        super().__init__(f"diverged: {what} {'was' if what == 'the loss' else 'were'} not finite {when}")
