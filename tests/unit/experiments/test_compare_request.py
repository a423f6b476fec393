"""What a comparison may be asked for, and how many trials it took to pass the baseline."""

import math
from types import SimpleNamespace

import pytest

from hpo.errors import UsageError
from hpo.experiments.compare.budget import trials_to_pass
from hpo.experiments.compare.comparison_request import CompareRequest


@pytest.mark.parametrize(
    "wrong",
    [{"pairs": 0}, {"pairs": 10_001}, {"pairs": 2.5}, {"candidates": 0}, {"rounds": True}, {"margin": 0.0},
     {"margin": math.nan}, {"margin": -1.0}],
)  # fmt: skip
def test_numbers_out_of_range_are_refused_in_one_line(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError) as refused:
        CompareRequest(study="toy", **wrong)
    assert "\n" not in str(refused.value)
    assert next(iter(wrong)) in str(refused.value)


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(CompareRequest(study="toy", storage="postgresql://me:secret@host/db"))


def slots(
    *results: tuple[float, str, float | None, dict], rung: int = 0, highest: bool = True
) -> list[SimpleNamespace]:
    its = {"rung": rung, "highest": highest}
    return [SimpleNamespace(settled_at=at, outcome=o, value=v, params=p, **its) for at, o, v, p in results]


BY_HAND = {"x": 0.5}


@pytest.mark.parametrize(("direction", "expected"), [("maximize", 4), ("minimize", 1)])
def test_trials_until_the_baseline_was_passed_are_counted_in_order_of_ending(direction: str, expected: int) -> None:
    its = slots(
        (40.0, "complete", 0.9, {"x": 1}),  # ended last
        (20.0, "complete", 0.5, BY_HAND),
        (10.0, "complete", 0.2, {"x": 2}),
        (15.0, "failed", None, {"x": 4}),
        (30.0, "complete", 0.6, {"x": 3}),
        (5.0, None, None, {}),  # running
    )
    assert trials_to_pass(its, BY_HAND, direction) == expected  # the failed one counts: it was paid for


def test_in_a_climbing_search_a_trial_passes_the_baseline_only_on_its_own_top_rung() -> None:
    low = slots((1.0, "complete", 0.5, BY_HAND), (2.0, "complete", 0.9, {"x": 2}), highest=False)
    high = slots((3.0, "complete", 0.7, BY_HAND), (4.0, "complete", 0.6, {"x": 2}), (6.0, "complete", 0.8, {}), rung=1)
    again = slots((5.0, "complete", 0.75, {"x": 2}), (7.0, "complete", 0.6, BY_HAND), rung=2)
    assert trials_to_pass([*low, *high, *again], BY_HAND, "maximize") == 5  # which had 0.75 where the baseline had 0.6


def test_trials_to_pass_is_none_when_the_baseline_has_no_value_or_was_never_passed() -> None:
    assert trials_to_pass(slots((1.0, "pruned", 0.5, BY_HAND), (2.0, "complete", 0.9, {})), BY_HAND, "maximize") is None
    assert (
        trials_to_pass(slots((1.0, "complete", 0.5, BY_HAND), (2.0, "complete", 0.5, {})), BY_HAND, "maximize") is None
    )
    assert trials_to_pass([], BY_HAND, "maximize") is None
