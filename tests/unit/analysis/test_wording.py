import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.analysis import compare, sentence

WON = np.array([0.0021, 0.0035, 0.0040, 0.0028, 0.0031, 0.0019, 0.0044, -0.0002, 0.0025, 0.0030, 0.0033, 0.0026])
BASE = np.full(12, 0.912)


def test_a_better_verdict_states_size_certainty_and_wins() -> None:
    assert sentence(compare(BASE + WON, BASE), metric="accuracy") == (
        "The automated optimum beats the hand-picked configuration on the test rows: accuracy better by 0.00275"
        " (95 % interval 0.00200 to 0.00350), p = 0.000977, ahead in 11 of 12 pairs."
    )


def test_a_verdict_of_worse_is_said_as_plainly_as_one_of_better() -> None:
    said = sentence(
        compare(2.5 + 100 * WON, np.full(12, 2.5), direction="minimize"), metric="mae", unit="thousand dollars"
    )
    assert said == (
        "The hand-picked configuration beats the automated optimum on the test rows: mae better by 0.275 thousand"
        " dollars (95 % interval 0.200 to 0.350), p = 0.000977, ahead in 11 of 12 pairs."
    )


def test_equivalent_names_the_margin_and_who_leads() -> None:
    said = sentence(compare(BASE - WON / 10, BASE, margin=0.005, alpha=1e-5), metric="accuracy", unit="points")
    assert said == (
        "The automated optimum and the hand-picked configuration are equivalent on the test rows: after 12 pairs"
        " their accuracy differs by less than the margin of ±0.005 points (p < 0.0001); the hand-picked configuration"
        " leads by 0.000275 points (95 % interval 0.000200 to 0.000350)."
    )


def test_undecided_says_how_many_more_pairs_would_tell() -> None:
    a = np.array([0.1, -0.2, 0.4, 0.3, -0.1, 0.5, -0.3, 0.2])
    found = compare(a, np.zeros(8), alpha=0.0375)
    assert found.more_pairs is not None
    said = sentence(found, metric="score", optimum="a", baseline="b", about="on all rows")
    assert said == (
        "Whether a beats b on all rows is undecided after 8 pairs: in score a leads by 0.11 (95 % interval −0.13 to"
        f" 0.35), p = 0.359; about {found.more_pairs} more pairs would decide."
    )
    assert found.note == f"About {found.more_pairs} more pairs would decide, if the difference is what it seems."


def test_too_few_pairs_say_that_they_can_never_decide() -> None:
    found = compare([0.9], [0.8])
    assert sentence(found, metric="accuracy") == (
        "Whether the automated optimum beats the hand-picked configuration on the test rows is undecided after 1 pair:"
        " in accuracy the automated optimum leads by 0.100, p = 1; 6 pairs are the first that can decide."
    )
    assert compare([1.0] * 5, [0.0] * 5).note == (
        "5 pairs can never decide: were all of them won, p would be 0.0625; 6 are the first that can."
    )
    assert compare([1.0] * 5, [0.0] * 5, test_share=0.2).note == "5 pairs can never decide: a verdict needs at least 6."


def test_a_comparison_more_pairs_would_hardly_decide_says_so() -> None:
    a = np.array([1.0, -1.0] * 10)
    alike = compare(a, np.zeros(20), margin=0)
    assert alike.note == "More than 10,000 more pairs would be needed to decide."
    assert "it is the same on average" in sentence(alike, metric="accuracy")
    assert "more pairs would hardly decide it" in sentence(alike, metric="accuracy")
    resampled = compare(a + 0.01, np.zeros(20), margin=0, test_share=0.25)
    assert resampled.note == "More pairs would hardly narrow the interval: they are drawn from the same rows again."


def test_a_winner_ahead_in_few_pairs_is_noted_as_not_meaningful() -> None:
    a = np.concatenate([np.full(26, 1.0), np.full(12, -0.5)]) + np.linspace(0, 0.1, 38)
    expected = "The winner is ahead in 68% of the pairs; a difference is called meaningful from 75%."
    assert compare(a, np.zeros(38)).note == expected
    assert compare(np.zeros(38), a).note == expected


def test_ties_are_counted_in_halves() -> None:
    gains = np.concatenate([[0.0], np.linspace(1, 2, 9)])
    assert "ahead in 9.5 of 10 pairs" in sentence(compare(gains, np.zeros(10)), metric="accuracy")


@given(
    st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=8),
    st.sampled_from([None, 0.25]),
    st.sampled_from(["maximize", "minimize"]),
    st.floats(0, 1e9),
)
def test_any_comparison_has_one_sentence_on_one_line(
    gains: list[float], share: float | None, direction: str, margin: float
) -> None:
    found = compare(gains, np.zeros(len(gains)), direction=direction, test_share=share, margin=margin)
    for said in (sentence(found, metric="accuracy", unit="points"), f"{found.note} "):
        assert "\n" not in said
        assert "  " not in said
        for strange in ("nan", "inf ", "None", "-0.0", "−0.0 "):
            assert strange not in said
    assert sentence(found, metric="accuracy").endswith(".")
    assert sentence(found, metric="accuracy")[0] in "TW"


@pytest.mark.parametrize("size", [1e-7, 0.01, 1, 1e3, 1e8])
def test_figures_have_two_digits_of_their_uncertainty(size: float) -> None:
    said = sentence(compare(BASE + WON * 10 * size, BASE), metric="accuracy")
    digits = said.split("interval ")[1].split(" to ")[0].replace("0.", "").replace(".", "").lstrip("0")
    assert 1 <= len(digits.split("e")[0]) <= 6
