"""What may be asked of the main job."""

from dataclasses import fields

import pytest

from hpo.errors import UsageError
from hpo.experiments.search_plan import Request
from hpo.fleet.resources import usable_cores
from hpo.fleet.run_limits import MAX_WORKERS, Limits


def make(option: str, value: object) -> object:
    """The record the option is of."""
    if option in {field.name for field in fields(Limits)}:
        return Limits(**{option: value})  # type: ignore[arg-type]
    return Request(**{"definition": "cnn", "trials": 5, option: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("trials", 0, "trials must be a whole number from 1 to 100,000, not 0"),
        ("trials", -1, "not -1"),
        ("trials", 10**12, "not 1000000000000"),
        ("trials", 1.5, "not 1.5"),
        ("trials", True, "not True"),
        ("workers", -1, "workers must be a whole number from 0 to"),
        ("workers", 10_000, "not 10000"),
        ("max_attempts", 0, "max attempts must be"),
        ("seed", -1, "seed must be"),
        ("seed", 2**32, "seed must be"),
        ("memory_limit", 1, "memory limit"),
        ("timeout", 0, "timeout must be more than 0"),
        ("timeout", float("nan"), "not nan"),
        ("timeout", float("inf"), "not inf"),
        ("trial_timeout", -3.0, "trial timeout must be more than 0"),
        ("lease_seconds", 0.5, "lease must be at least 1"),
        ("stall_seconds", 0, "stall limit must be more than 0"),
        ("until", float("nan"), "until must be a finite number"),
        ("name", "", "a name must have from 1 to 512"),
        ("name", "n" * 513, "a name must have from 1 to 512"),
        ("name", "two\nlines", "printable"),
        ("sampler", "tea", "there is no sampler 'tea'; there are: tpe"),
        ("pruner", "shears", "there is no pruner 'shears'; there are: "),
    ],
)
def test_a_request_option_out_of_range_is_refused_in_one_line(option: str, value: object, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        make(option, value)
    assert "\n" not in str(caught.value)


def test_a_password_is_not_in_its_text() -> None:
    assert "s3cret" not in repr(Request(definition="cnn", trials=1, storage="postgresql://me:s3cret@host/db"))


def test_a_worker_for_each_core_but_no_more_than_trials() -> None:
    assert Request(definition="cnn", trials=1).processes == 1
    assert Request(definition="cnn", trials=10_000).processes == min(usable_cores(), MAX_WORKERS)
    assert Request(definition="cnn", trials=1, limits=Limits(workers=3)).processes == 3
