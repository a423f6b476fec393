"""What came of jobs, read from the storage: nothing is trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hpo.storage import Storage
from hpo.storage.json_columns import Noted
from hpo.storage.queries import stored_trials
from hpo.storage.queries.stored_trials import StoredTrial
from hpo.storage.slots.slot import Outcome, Slot
from hpo.storage.slots.slots import Slots
from hpo.study import Params

__all__ = ["Result", "results"]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of one job."""

    key: str  # the job's
    outcome: Outcome  # complete; pruned: infeasible or diverged; failed
    value: float | None  # the metric on the rows the job is scored on; None where it did not come to the end
    train: float | None = None  # the metric on the rows it was trained on, after the last epoch
    seconds: float | None = None  # training alone
    compile_seconds: float | None = None
    epochs: int | None = None  # trained
    seed: int  # the job's
    params: Params  # the job's
    trial_number: int | None = None  # Optuna's number in the study
    lost: int = 0  # attempts before the one that counts: its process died, or ran out of memory
    reason: str | None = None  # one line: why it did not come to the end
    curve: tuple[tuple[int, float], ...] = ()
    # (epoch, metric): on validation rows where the job has them, else as seen while training
    train_curve: tuple[tuple[int, float], ...] = ()  # the same on training rows; where there are validation rows
    predictions: Mapping[str, Sequence[Any]] | None = field(default=None, repr=False)
    # {"labels": (test rows,)} or {"values": (test rows,)}, in the order of the test rows; None where not kept


def results(storage: Storage, study: str) -> dict[str, Result]:
    """What has come of each job of a study so far, by the job's key; empty where there is no such study.

    One read of the slots and one of Optuna's trials; nothing is trained or written, and no TensorFlow is imported.

    Raises:
        StudyError: another program has deleted the study's trials.
        StorageError: the database cannot be reached or read.

    """
    settled = [slot for slot in Slots(storage).list(study) if slot.outcome is not None and "job" in slot.payload]
    trials = {trial.number: trial for trial in stored_trials.read(storage, study)} if settled else {}
    found = (_result(slot, None if slot.trial_number is None else trials.get(slot.trial_number)) for slot in settled)
    return {result.key: result for result in found if result is not None}


def _result(slot: Slot, trial: StoredTrial | None) -> Result | None:
    """The slot has the last word on the outcome; what else there is to know, its trial noted. None: it is no job."""
    from hpo.search.job import Job

    try:
        job = Job.from_payload(slot.payload)
    except (KeyError, TypeError, ValueError):
        return None
    if slot.digest is None:  # a job has its key from the beginning
        return None
    assert slot.outcome is not None  # it is settled
    noted = Noted() if trial is None else trial.user
    return Result(
        key=slot.digest,
        outcome=slot.outcome,
        value=slot.value if slot.outcome == "complete" else None,
        train=noted.number("train"),
        seconds=noted.number("fit_seconds"),
        compile_seconds=noted.number("compile_seconds"),
        epochs=noted.whole("epochs"),
        seed=job.seed,
        params=job.params,
        trial_number=slot.trial_number,
        lost=slot.lost,
        reason=slot.reason if slot.outcome != "complete" else None,
        curve=() if trial is None else trial.curve,
        train_curve=noted.curve("train_curve"),
        predictions=noted.numbers("predictions"),
    )
