"""What is kept of a trial's error."""

import errno
import os
from pathlib import Path
from typing import Any

import optuna
import pytest

from hpo.errors import StorageError
from hpo.fleet.worker.outcome import judge
from hpo.storage import Storage
from hpo.storage.engine import connect
from hpo.storage.storage_url import parse


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_or_quota_does_not_fail_the_trial(number: int) -> None:
    where = parse("sqlite:///no.db")
    nothing: Any = None

    def objective(trial: object) -> float:
        raise OSError(number, os.strerror(number))

    with pytest.raises(StorageError, match="the disk is full: free some space"):
        judge(Storage(where, connect(where, create=False)), objective, nothing)


def test_any_other_error_of_the_system_fails_the_trial(tmp_path: Path) -> None:
    where = parse("sqlite:///no.db")
    nothing: Any = None
    result = judge(
        Storage(where, connect(where, create=False)), lambda trial: len((tmp_path / "none").read_text()), nothing
    )
    assert (result.outcome, (result.reason or "").startswith("FileNotFoundError")) == ("failed", True)


def test_no_password_is_kept_with_a_trial_that_failed() -> None:
    where = parse("postgresql://me:s3cret@host/db")
    nothing: Any = None

    def objective(trial: object) -> float:
        raise ValueError(f"cannot write to {where.url}")

    result = judge(Storage(where, connect(where, create=False)), objective, nothing)
    assert (result.outcome, result.reason) == ("failed", "ValueError: cannot write to postgresql://me:***@host/db")
    assert "objective" in (result.traceback or "")
    assert "s3cret" not in (result.traceback or "")


@pytest.mark.parametrize(
    ("size", "outcome", "reason"),
    [(0.0, "complete", None), (-3.0, "complete", None), (0.5, "pruned", "infeasible: size above 0")],
)
def test_a_violated_constraint_prunes_a_complete_trial(size: float, outcome: str, reason: str | None) -> None:
    def objective(trial: optuna.Trial) -> float:
        trial.set_constraint("size", size)
        return 0.9

    where = parse("sqlite:///no.db")
    trial = optuna.create_study().ask()
    result = judge(Storage(where, connect(where, create=False)), objective, trial)
    assert (result.outcome, result.value, result.reason) == (outcome, 0.9, reason)


def test_the_reason_of_a_failure_says_what_is_wrong_wherever_that_stands() -> None:
    where = parse("sqlite:///no.db")
    nothing: Any = None

    def objective(trial: object) -> float:
        raise ValueError(
            "Graph execution error:\n\nDetected at node a defined at\nthe labels end at 3\n\t [[{{node a}}]]"
        )

    result = judge(Storage(where, connect(where, create=False)), objective, nothing)
    assert result.reason == "ValueError: the labels end at 3"


def test_the_reason_a_pruned_trial_gives_is_one_line() -> None:
    def objective(trial: optuna.Trial) -> float:
        raise optuna.TrialPruned("infeasible: too large\nby far")

    where = parse("sqlite:///no.db")
    result = judge(Storage(where, connect(where, create=False)), objective, optuna.create_study().ask())
    assert (result.outcome, result.reason) == ("pruned", "infeasible: too large by far")
