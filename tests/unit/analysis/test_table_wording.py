"""A table's verdict in one sentence."""

from dataclasses import replace

from hpo.analysis import RowScores, TableFinding, examine
from hpo.analysis.table_wording import row_label, table_sentence, varied
from hpo.study import Row, Sweep

UNITS = Sweep(
    id="units",
    title="Units",
    base={"units": 1},
    rows=(Row(setting={"units": 1}), Row(setting={"units": 2}), Row(setting={"units": 4})),
    chosen=1,
)


def found(*tests: tuple[float, ...]) -> TableFinding:
    measured = {("units", row): RowScores(figures={"test": scores}) for row, scores in enumerate(tests)}
    return examine((UNITS,), measured, direction="maximize", against_report=True)[0]


LOW, MIDDLE, HIGH = (0.10, 0.11, 0.12), (0.50, 0.51, 0.52), (0.90, 0.91, 0.92)


def test_a_table_sentence_says_whether_the_choice_stands_ties_or_is_refuted() -> None:
    assert table_sentence(found(LOW, HIGH, MIDDLE)) == (
        "The report's choice, 2, stands: every other row is worse by more than noise."
    )
    assert table_sentence(found(LOW, HIGH, HIGH)) == (
        "The report's choice, 2, is tied with 4: noise may explain the difference."
    )
    assert table_sentence(found(MIDDLE, LOW, LOW)) == (
        "The report's choice, 2, is refuted: 1 is better by more than noise."
    )
    assert table_sentence(found(HIGH, LOW, MIDDLE)) == (
        "The report's choice, 2, is refuted: 1 and 4 are better by more than noise."
    )


def test_rows_that_cannot_be_trained_are_not_called_worse_by_more_than_noise() -> None:
    def beside(**rows: RowScores) -> str:
        measured = {("units", 1): RowScores(figures={"test": HIGH})}
        measured |= {("units", int(row[1:])): scores for row, scores in rows.items()}
        return table_sentence(examine((UNITS,), measured, direction="maximize", against_report=True)[0])

    gone = RowScores(reasons=("diverged",))
    assert beside(r0=gone, r2=gone) == "The report's choice, 2, stands: no other row could be trained every time."
    assert beside(r0=RowScores(figures={"test": LOW}), r2=gone) == (
        "The report's choice, 2, stands: every other row that could be trained every time is worse by more than noise."
    )


def test_an_undecided_table_is_reported_with_its_reason() -> None:
    assert table_sentence(found((0.1,), (0.9,), (0.8,))) == (
        "Nothing can be said of the report's choice, 2, yet: "
        "row 2 has one repeat, which tells no noise: measure 2 or more; the best so far is 2."
    )
    assert table_sentence(found()) == (
        "Nothing can be said of the report's choice, 2, yet: no row of this table has been measured."
    )


def test_a_row_is_named_by_what_its_table_varies() -> None:
    mixed = replace(
        UNITS,
        rows=(
            Row(setting={"optimizer": "adam"}),
            Row(setting={"rate": 0.01, "optimizer": "sgd"}),
            Row(setting={"optimizer": "adam", "units": 2.0}),
        ),
    )
    assert varied(mixed) == "optimizer"
    assert [row_label(mixed, row) for row in mixed.rows] == ["adam", "sgd, rate 0.01", "adam, units 2"]


def test_rows_with_nothing_in_common_are_named_by_all_they_set() -> None:
    apart = replace(UNITS, rows=(Row(setting={"units": 2}), Row(setting={"rate": 0.1}), Row(setting={})))
    assert varied(apart) == "setting"
    assert [row_label(apart, row) for row in apart.rows] == ["units 2", "rate 0.1", "as it was"]
