"""What techniques add, against numbers worked out by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from hpo.analysis import RowScores
from hpo.analysis.ablation_effects import examine_ablation
from hpo.analysis.table_wording import row_label
from hpo.study import Ablation, Technique

ABLATION = Ablation(
    id="parts",
    title="Parts",
    plain={"a": 0, "b": 0, "c": 1},
    full={"a": 1, "b": 1, "c": 1},
    techniques=(
        Technique(name="A", alone={"a": 1, "b": 0, "c": 1}, without={"a": 0, "b": 1, "c": 1}),
        Technique(name="B", alone={"a": 0, "b": 1, "c": 1}, without={"a": 1, "b": 0, "c": 1}),
    ),
)
SCORES = {
    0: (0.10, 0.12),  # plain: 0.11
    1: (0.30, 0.34),  # A alone: 0.32
    2: (0.12, 0.12),  # B alone: 0.12
    3: (0.50, 0.52),  # all but A: 0.51
    4: (0.60, 0.61),  # all but B: 0.605
    5: (0.90, 0.91),  # all: 0.905
}


def measured(without: int | None = None) -> dict[tuple[str, int], RowScores]:
    return {("parts", row): RowScores(figures={"test": given}) for row, given in SCORES.items() if row != without}


def test_the_ablation_table_has_every_row_once_with_its_label() -> None:
    table = ABLATION.table
    assert [row_label(table, row) for row in table.rows] == [
        *("plain", "A alone", "B alone", "all but A", "all but B", "all")
    ]
    assert dict(table.base) == {"c": 1}
    configurations = [table.configuration(row) for row in table.rows]
    assert configurations[0] == ABLATION.plain
    assert configurations[-1] == ABLATION.full
    for number, technique in enumerate(ABLATION.techniques):
        assert configurations[ABLATION.alone(number)] == technique.alone
        assert configurations[ABLATION.without(number)] == technique.without


def test_the_effect_alone_in_company_and_the_interaction_are_computed() -> None:
    found = examine_ablation(ABLATION, measured(), direction="maximize")
    a, b = found.techniques
    assert found.repeats == 2
    assert (found.plain, found.full) == pytest.approx((0.11, 0.905))
    assert a.alone.difference == pytest.approx(0.21)
    assert a.company.difference == pytest.approx(0.905 - 0.51)
    assert a.interaction.difference == pytest.approx(0.395 - 0.21)
    assert b.alone.difference == pytest.approx(0.01)
    assert b.interaction.difference == pytest.approx(0.30 - 0.01)
    assert found.together.difference == pytest.approx(0.795)
    assert a.alone.sure
    assert not b.alone.sure


def test_the_intervals_are_welchs() -> None:
    found = examine_ablation(ABLATION, measured(), direction="maximize").techniques[0].alone
    theirs = stats.ttest_ind(SCORES[1], SCORES[0], equal_var=False).confidence_interval(0.95)
    assert found.ci95 == pytest.approx((theirs.low, theirs.high))


def test_the_interval_of_an_interaction_by_hand() -> None:
    """Of two scores the mean has half their distance as its standard error, with one degree of freedom."""
    found = examine_ablation(ABLATION, measured(), direction="maximize").techniques[0].interaction
    parts = [0.005**2, 0.01**2, 0.02**2, 0.01**2]  # all, all but A, A alone, plain
    error = math.sqrt(sum(parts))  # 0.025
    freedom = sum(parts) ** 2 / sum(part**2 for part in parts)  # 3.90625e-7 / 1.80625e-7
    assert (error, freedom) == pytest.approx((0.025, 2.16263), rel=1e-5)
    reach = float(stats.t.ppf(0.975, freedom)) * error
    assert found.ci95 == pytest.approx((0.185 - reach, 0.185 + reach))


@pytest.mark.parametrize("repeats", [3, 10])
def test_intervals_cover_the_truth_at_their_nominal_rate(repeats: int) -> None:
    """Rows of unequal noise and known means: 19 of 20 intervals hold what the technique truly adds."""
    truth = {0: 0.1, 1: 0.3, 2: 0.1, 3: 0.5, 4: 0.6, 5: 0.9}
    spread = {0: 0.01, 1: 0.10, 2: 0.03, 3: 0.02, 4: 0.05, 5: 0.005}
    random = np.random.default_rng(repeats)
    rounds = 800
    drawn = {row: random.normal(truth[row], spread[row], size=(rounds, repeats)).tolist() for row in truth}
    held = {"alone": 0, "company": 0, "interaction": 0}
    expected = {"alone": 0.2, "company": 0.4, "interaction": 0.2}
    for at in range(rounds):
        scores = {("parts", row): RowScores(figures={"test": tuple(drawn[row][at])}) for row in truth}
        found = examine_ablation(ABLATION, scores, direction="maximize").techniques[0]
        for name, true in expected.items():
            low, high = getattr(found, name).ci95
            held[name] += low <= true <= high
    # Of 800 rounds at 95 %, four standard errors are 3.1 points; normal quantiles in place of Student's fall below.
    assert all(0.92 <= number / rounds <= 0.98 for number in held.values()), held


def test_a_gain_has_the_sign_of_the_direction() -> None:
    up = examine_ablation(ABLATION, measured(), direction="maximize").techniques[0].interaction
    down = examine_ablation(ABLATION, measured(), direction="minimize").techniques[0].interaction
    assert up.difference is not None
    assert up.ci95 is not None
    assert down.difference == pytest.approx(-up.difference)
    assert down.ci95 == pytest.approx((-up.ci95[1], -up.ci95[0]))


def test_a_missing_row_blanks_only_the_effects_that_need_it() -> None:
    a, b = examine_ablation(ABLATION, measured(without=3), direction="maximize").techniques
    assert a.company.difference is a.interaction.difference is None
    assert a.company.note == "“all but A” has not been measured"
    assert a.alone.difference == pytest.approx(0.21)
    assert b.company.difference == pytest.approx(0.30)


def test_one_repeat_gives_no_interval_and_a_diverged_row_no_difference() -> None:
    given = {key: RowScores(figures={"test": row.figures["test"][:1]}) for key, row in measured().items()}
    given["parts", 2] = RowScores(figures={}, reasons=("diverged in epoch 1",))
    found = examine_ablation(ABLATION, given, direction="maximize")
    assert (found.begun, found.repeats) == (True, 0)
    assert found.techniques[0].alone.ci95 is None
    assert found.techniques[0].alone.note == "one repeat tells no noise: measure 2 or more"
    assert found.techniques[1].alone.note == "“B alone” gave no score: diverged in epoch 1"
    assert not examine_ablation(ABLATION, {}, direction="maximize").begun


def test_repeats_that_were_lost_are_reported() -> None:
    given = measured()
    given["parts", 0] = RowScores(figures={"test": (0.10, 0.12)}, reasons=("diverged in epoch 1",))
    found = examine_ablation(ABLATION, given, direction="maximize").techniques[0].alone
    assert found.note == "some repeats of “plain” gave no score"
    assert found.ci95 is not None
    assert math.isfinite(found.ci95[0])
