"""What a job is, and when two are the same."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.errors import UsageError
from hpo.search import Job

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
def test_a_job_comes_back_out_of_a_slot(job: Job) -> None:
    again = Job.from_payload(json.loads(json.dumps(job.to_payload())))
    assert again == job
    assert again.key == job.key
    assert len(job.key) == 64


@given(jobs, st.text(), st.booleans())
def test_the_key_is_of_what_is_trained_alone(job: Job, note: str, keep: bool) -> None:
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
        ({"rows": "test"}, "a job's rows are one of development, share, resampled, validation, not 'test'"),
        ({"seed": -1}, "seed must be a whole number from 0 to 4,294,967,295, not -1"),
        ({"seed": 1.0}, "not 1.0"),
        ({"seed": True}, "not True"),
        ({"rows": "validation", "keep": True}, "sees no test row"),
    ],
)
def test_what_cannot_be_done_is_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Job(**{"rows": "share", "params": {}, "seed": 0, **wrong})  # type: ignore[arg-type]
