from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from hpo.analysis import ClaimFinding, ContrastFinding, RowFinding, RowScores, TableFinding, examine, judge
from hpo.analysis.tables import against_reported
from hpo.study import Claim, Contrast, ContrastFigure, Direction, Relation, Row, Sweep

Scores = Sequence[Sequence[float]]


def contrast(
    rows: tuple[int, ...], relation: Relation, than: tuple[int, ...], figure: ContrastFigure = "test"
) -> Contrast:
    return Contrast(sweep="s", figure=figure, rows=rows, relation=relation, than=than)


def judged(
    contrasts: Sequence[Contrast],
    test: Scores,
    *,
    train: Scores | None = None,
    reasons: dict[int, tuple[str, ...]] | None = None,
    direction: Direction = "maximize",
    margin: float | None = 0.005,
) -> ClaimFinding:
    rows = tuple(Row(setting={"width": width}) for width in range(len(test)))
    sweep = Sweep(id="s", title="s", base={}, rows=rows, chosen=0)
    measured = {}
    for row, scores in enumerate(test):
        figures = {"test": tuple(scores)} | ({"train": tuple(train[row])} if train else {})
        measured["s", row] = RowScores(figures=figures, reasons=(reasons or {}).get(row, ()))
    tables = examine([sweep], measured, direction=direction, against_report=False)
    claim = Claim(id="c", text="", source="A.1", contrasts=tuple(contrasts))
    (found,) = judge([claim], tables, direction=direction, margin=margin)
    return found


def one(relation: Relation, a: Sequence[float], b: Sequence[float], margin: float | None = 0.005) -> ContrastFinding:
    return judged([contrast((0,), relation, (1,))], [a, b], margin=margin).evidence[0]


A, B = (0.915, 0.917, 0.913, 0.916), (0.905, 0.912, 0.899)


def test_two_rows_are_compared_as_welch_compares_them() -> None:
    found = one("higher", A, B)
    expected = stats.ttest_ind(A, B, equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert found.difference == pytest.approx(np.mean(A) - np.mean(B))
    assert found.p == pytest.approx(expected.pvalue)
    assert found.ci95 == pytest.approx((interval.low, interval.high))


def test_alike_is_two_one_sided_tests_of_the_margin() -> None:
    found = one("alike", A, B, margin=0.02)
    above = stats.ttest_ind(np.add(A, 0.02), B, equal_var=False, alternative="greater").pvalue
    below = stats.ttest_ind(np.subtract(A, 0.02), B, equal_var=False, alternative="less").pvalue
    assert found.p == pytest.approx(max(above, below))


def test_sides_of_several_rows_are_compared_by_the_mean_of_their_means() -> None:
    """Rows of equal size and variance: the textbook contrast, c = (1/2, 1/2, -1), s² = 1, df of the pooled variance."""
    found = judged([contrast((0, 1), "higher", (2,))], [(9, 10, 11), (19, 20, 21), (4, 5, 6)], margin=0.1).evidence[0]
    error = np.sqrt((1 / 4 + 1 / 4 + 1) / 3)
    freedom = 1.5**2 / ((1 / 16 + 1 / 16 + 1) / 2)  # Welch and Satterthwaite, by hand
    reach = stats.t.ppf(0.975, freedom) * error
    assert found.difference == pytest.approx(10)
    assert found.ci95 == pytest.approx((10 - reach, 10 + reach))


@pytest.mark.parametrize(
    ("relation", "a", "b", "verdict"),
    [
        ("higher", (0.92, 0.921, 0.919), (0.90, 0.901, 0.899), "supported"),
        ("lower", (0.90, 0.901, 0.899), (0.92, 0.921, 0.919), "supported"),
        ("higher", (0.90, 0.901, 0.899), (0.92, 0.921, 0.919), "contradicted"),
        ("lower", (0.92, 0.921, 0.919), (0.90, 0.901, 0.899), "contradicted"),
        ("alike", (0.92, 0.921, 0.919), (0.9203, 0.9208, 0.9192), "supported"),
        ("alike", (0.92, 0.921, 0.919), (0.90, 0.901, 0.899), "contradicted"),
        ("higher", (0.92, 0.90, 0.94), (0.90, 0.92, 0.88), "undecided"),
        ("alike", (0.92, 0.90, 0.94), (0.90, 0.92, 0.88), "undecided"),
        ("higher", (0.92, 0.921, 0.919), (0.9203, 0.9208, 0.9192), "contradicted"),  # shown to be alike
        ("higher", (0.923, 0.923, 0.923), (0.922, 0.922, 0.922), "supported"),  # no noise at all
        ("higher", (0.923, 0.923), (0.923, 0.923), "contradicted"),
        ("alike", (0.923, 0.923), (0.922, 0.922), "supported"),
        ("alike", (0.923, 0.923), (0.9, 0.9), "contradicted"),
    ],
)
def test_a_contrast_is_judged_as_planted(relation: Relation, a: Scores, b: Scores, verdict: str) -> None:
    assert one(relation, a, b).verdict == verdict  # type: ignore[arg-type]


def test_a_significant_difference_is_a_difference_even_inside_the_margin() -> None:
    found = one("higher", (0.9210, 0.9211, 0.9209), (0.9200, 0.9201, 0.9199))
    assert (found.verdict, found.note) == ("supported", "")


def test_contrasts_without_a_difference_err_once_in_twenty() -> None:
    """Also where the rows vary unlike one another, as a good and a ruinous learning rate do."""
    random = np.random.default_rng(3)
    wrong = 0
    for _ in range(300):
        found = one("higher", random.normal(0, 1, 3).tolist(), random.normal(0, 4, 3).tolist(), margin=0.001)
        wrong += found.verdict != "undecided"
    assert wrong <= 0.075 * 300


@pytest.mark.parametrize(("direction", "sign"), [("maximize", 1), ("minimize", -1)])
def test_the_gap_is_positive_where_the_model_overfits(direction: Direction, sign: int) -> None:
    train = [(sign * 0.97, sign * 0.98, sign * 0.975), (sign * 0.90, sign * 0.91, sign * 0.905)]
    test = [(sign * 0.91, sign * 0.92, sign * 0.914), (sign * 0.89, sign * 0.90, sign * 0.894)]
    found = judged([contrast((0,), "higher", (1,), "gap")], test, train=train, direction=direction)
    assert found.verdict == "supported"
    assert found.evidence[0].difference == pytest.approx(0.05)


def test_the_gap_is_taken_within_a_repeat() -> None:
    """Train and test rise and fall together here: their difference hardly varies."""
    train = [(0.90, 0.80, 0.70), (0.90, 0.80, 0.70)]
    test = [(0.80, 0.7001, 0.60), (0.89, 0.7901, 0.69)]
    assert judged([contrast((0,), "higher", (1,), "gap")], test, train=train).verdict == "supported"


def test_a_claim_needs_all_its_contrasts_and_one_contradicts_it() -> None:
    test = [(0.92, 0.921, 0.919), (0.90, 0.901, 0.899), (0.92, 0.90, 0.94)]
    good, bad = contrast((0,), "higher", (1,)), contrast((1,), "higher", (0,))
    unclear, absent = contrast((2,), "higher", (0,)), contrast((0,), "lower", (1,), "seconds")
    assert judged([good], test).verdict == "supported"
    assert judged([good, unclear], test).verdict == "undecided"
    assert judged([good, unclear, absent], test).verdict == "unmeasured"
    found = judged([good, unclear, absent, bad], test)
    assert found.verdict == "contradicted"
    assert [entry.verdict for entry in found.evidence] == ["supported", "undecided", "unmeasured", "contradicted"]


def test_one_repeat_is_undecided_and_reports_the_difference() -> None:
    found = one("higher", (0.92,), (0.90, 0.91))
    assert (found.verdict, found.ci95, found.p) == ("undecided", None, None)
    assert found.difference == pytest.approx(0.015)
    assert "one repeat" in found.note


def test_an_unmeasured_claim_states_the_reason() -> None:
    untested = judged([], [(0.9, 0.9)])
    assert (untested.verdict, untested.evidence) == ("unmeasured", ())
    failed = judged([contrast((0,), "higher", (1,))], [(0.9, 0.9), ()], reasons={1: ("failed: out of time",)})
    assert failed.verdict == "unmeasured"
    assert failed.evidence[0].note == "row 2 of sweep s gave no figure: failed: out of time"
    waiting = judged([contrast((0,), "higher", (1,))], [(0.9, 0.9), ()])
    assert "row 2 of sweep s has not been measured" in waiting.evidence[0].note
    (elsewhere,) = judge(
        [Claim(id="c", text="", source="", contrasts=(contrast((0,), "higher", (1,)),))], [], direction="maximize"
    )
    assert (elsewhere.verdict, elsewhere.evidence[0].note) == ("unmeasured", "sweep s has not been measured")


def test_without_a_margin_one_per_cent_of_the_other_sides_score_counts_as_nothing() -> None:
    a, b = (2.52, 2.521, 2.519), (2.50, 2.501, 2.499)
    found = one("alike", a, b, margin=None)
    assert found.margin == pytest.approx(0.025)
    assert found.verdict == "supported"
    assert one("alike", a, b, margin=0.01).verdict == "contradicted"


@pytest.mark.parametrize(
    ("direction", "relation", "verdict"),
    [
        ("maximize", "lower", "supported"),
        ("maximize", "higher", "contradicted"),
        ("minimize", "higher", "supported"),
        ("minimize", "lower", "contradicted"),
        ("minimize", "alike", "contradicted"),
    ],
)
def test_a_row_that_diverged_in_every_repeat_is_worse_than_one_that_was_trained(
    direction: Direction, relation: Relation, verdict: str
) -> None:
    reasons = {1: ("diverged: step 7", "diverged: step 6")}
    found = judged([contrast((1,), relation, (0,))], [(0.9, 0.9), ()], reasons=reasons, direction=direction)
    assert (found.verdict, found.evidence[0].difference) == (verdict, None)
    assert found.evidence[0].note == "row 2 of sweep s diverged in every repeat"
    turned: dict[Relation, Relation] = {"lower": "higher", "higher": "lower", "alike": "alike"}
    mirrored = judged([contrast((0,), turned[relation], (1,))], [(0.9, 0.9), ()], reasons=reasons, direction=direction)
    assert mirrored.verdict == verdict


def test_divergence_decides_no_claim_of_times_gaps_several_rows_or_one_repeat() -> None:
    scores, twice = [(0.9, 0.9), (), (0.8, 0.8)], {1: ("diverged: step 7", "diverged: step 6")}
    for claimed in (
        contrast((1,), "lower", (0,), "gap"),
        contrast((1,), "lower", (0,), "seconds"),
        contrast((1, 2), "lower", (0,)),
    ):
        assert judged([claimed], scores, train=scores, reasons=twice).verdict == "unmeasured"
    assert judged([contrast((1,), "lower", (0,))], scores, reasons={1: ("diverged: step 7",)}).verdict == "undecided"
    both = {0: twice[1], 1: twice[1]}
    assert judged([contrast((1,), "lower", (0,))], [(), ()], reasons=both).verdict == "unmeasured"
    mixed = {1: ("diverged: step 7", "failed: out of time")}
    assert judged([contrast((1,), "lower", (0,))], scores, reasons=mixed).verdict == "unmeasured"


def test_each_of_several_contrasts_is_tested_at_its_share_of_the_level() -> None:
    """The wrong way round at p = 0.02: alone that contradicts, as one of five it does not."""
    a, b = (0.900, 0.910, 0.905), (0.914, 0.924, 0.919)
    wrong = contrast((0,), "higher", (1,))
    alone = judged([wrong], [a, b], margin=1e-6)
    assert 0.01 < (alone.evidence[0].p or 1) < 0.05
    assert alone.verdict == "contradicted"
    assert judged([wrong] * 5, [a, b], margin=1e-6).verdict == "undecided"
    alike = contrast((0,), "alike", (1,))
    assert judged([alike], [a, b], margin=1e-6).verdict == "contradicted"
    assert judged([alike] * 5, [a, b], margin=1e-6).verdict == "undecided"
    assert judged([contrast((0,), "lower", (1,))] * 5, [a, b], margin=1e-6).verdict == "supported"


def test_claims_without_a_difference_are_seldom_contradicted() -> None:
    random = np.random.default_rng(5)
    each = tuple(contrast((row,), "higher", (0,)) for row in range(1, 11))
    claim = Claim(id="c", text="", source="A.1", contrasts=each)
    wrong = 0
    for _ in range(200):
        (found,) = judge([claim], [table(random.normal(0, 1, (11, 3)).tolist())], direction="maximize", margin=1e-6)
        wrong += found.verdict == "contradicted"
    assert wrong <= 0.06 * 200


def table(test: Scores) -> TableFinding:
    """The rows of a table without the tests `examine` makes of them, which take a while."""
    sweep = Sweep(
        id="s", title="s", base={}, rows=tuple(Row(setting={"width": at}) for at in range(len(test))), chosen=0
    )
    figures = against_reported([None] * len(test), test, alpha=None)
    rows = tuple(
        RowFinding(index=at, setting={}, params={}, figures={"test": figure}, reasons=())
        for at, figure in enumerate(figures)
    )
    return TableFinding(sweep=sweep, rows=rows, verdict="undecided")
