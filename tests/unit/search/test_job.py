"""What a job is, and when two are the same."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.errors import UsageError
from hpo.search import Job
from hpo.search.job import predicted

ROWS = ("development", "share", "resampled", "validation")
params = st.dictionaries(
    st.text(min_size=1, max_size=4),
    st.one_of(
        st.integers(-99, 99), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.text(max_size=4)
    ),
    max_size=4,
)
jobs = st.builds(
    Job,
    rows=st.sampled_from(ROWS[:3]),
    params=params,
    seed=st.integers(0, 2**32 - 1),
    note=st.text(),
    keep=st.booleans(),
)


@given(jobs)
def test_a_job_survives_storage_in_a_slot(job: Job) -> None:
    again = Job.from_payload(json.loads(json.dumps(job.to_payload())))
    assert again == job
    assert again.key == job.key
    assert len(job.key) == 64


@given(jobs, st.text(), st.booleans())
def test_the_key_of_a_job_depends_only_on_what_is_trained(job: Job, note: str, keep: bool) -> None:
    backwards = dict(reversed(job.params.items()))
    assert Job(rows=job.rows, params=backwards, seed=job.seed, note=note, keep=keep).key == job.key


@given(jobs, jobs)
def test_two_jobs_share_a_key_only_where_they_train_the_same(one: Job, other: Job) -> None:
    same = (one.rows, one.seed, dict(one.params)) == (other.rows, other.seed, dict(other.params))
    assert same or one.key != other.key or one.params == other.params


def test_rows_seed_and_configuration_each_make_another_key() -> None:
    job = Job(rows="share", params={"units": 8}, seed=1)
    others = (
        Job(rows="resampled", params={"units": 8}, seed=1),
        Job(rows="share", params={"units": 9}, seed=1),
        Job(rows="share", params={"units": 8}, seed=2),
    )
    assert len({job.key, *(other.key for other in others)}) == 4


def test_a_key_is_the_same_in_every_process_and_version() -> None:
    # Written down: what was measured must be found again.
    job = Job(rows="development", params={"units": 8, "rate": 0.5}, seed=3)
    assert job.key == "9cee5ff4094216166d48299f7da766e628c633d809e9e9c99f0a05f81f45381c"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"rows": "test"}, "a job's rows are one of development, share, resampled, validation, own, not 'test'"),
        ({"seed": -1}, "seed must be a whole number from 0 to 4,294,967,295, not -1"),
        ({"seed": 1.0}, "not 1.0"),
        ({"seed": True}, "not True"),
        ({"rows": "validation", "keep": True}, "sees no test row"),
    ],
)
def test_an_invalid_job_is_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Job(**{"rows": "share", "params": {}, "seed": 0, **wrong})  # type: ignore[arg-type]


HOT = np.array([[0, 1, 0], [1, 0, 0]], dtype=np.float32)
SCORES = np.array([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]], dtype=np.float32)


@pytest.mark.parametrize(
    ("outputs", "y", "metric", "kept"),
    [
        (SCORES, HOT, "accuracy", {"labels": [2, 0]}),
        (SCORES, np.array([1, 0]), "accuracy", {"labels": [2, 0]}),
        (SCORES, np.array([[1.0], [0.0]]), "sparse_categorical_crossentropy", {"labels": [2, 0]}),
        (np.array([[0.2], [0.9]]), np.array([1, 1]), "accuracy", {"labels": [0, 1]}),
        (np.array([[0.25], [0.5]]), np.array([1.5, 0.5]), "mae", {"values": [0.25, 0.5]}),
        (np.array([0.25, 0.5]), np.array([1.5, 0.5]), "mae", {"values": [0.25, 0.5]}),
        (
            np.array([[0.25, 1.0], [0.5, 2.0]]),
            np.array([[1.5, 1], [2, 1]]),
            "mae",
            {"values": [[0.25, 1.0], [0.5, 2.0]]},
        ),
    ],
    ids=["one-hot", "labels", "labels in a column", "a probability", "a number", "flat", "several numbers"],
)
def test_predictions_are_kept_as_labels_or_as_values(
    outputs: np.ndarray, y: np.ndarray, metric: str, kept: dict[str, Any]
) -> None:
    assert predicted(outputs, y, metric) == kept
