"""The tables `hpo sweep` prints: what stands in them, and what is said below them."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

import pytest

from hpo.analysis import RowScores, examine
from hpo.analysis.ablation_effects import examine_ablation
from hpo.cli.printing import sweep_text
from hpo.cli.printing.sweep_text import places, spread
from hpo.experiments.sweep.greedy_method import GreedyReport, GreedyRow, GreedyTable
from hpo.experiments.sweep.sweep_report import SweepReport
from hpo.study import Ablation, Row, Sweep, Technique
from studies.cnn import study as cnn

OPTIMIZER = Sweep(
    id="optimizer",
    title="Optimizer",
    base={"optimizer": "adam", "rate": 0.1},
    rows=(
        Row(setting={"optimizer": "adam"}, reported={"train": Decimal("0.97"), "test": Decimal("0.915")}),
        Row(setting={"optimizer": "sgd", "rate": 0.01}, reported={"train": Decimal("0.9"), "test": Decimal("0.99")}),
        Row(setting={"optimizer": "adadelta"}, reported={"test": Decimal("0.75")}),
        Row(setting={"optimizer": "nadam"}),
    ),
    chosen=0,
)
MEASURED = {
    ("optimizer", 0): RowScores(
        figures={"train": (0.9700, 0.9704), "test": (0.9150, 0.9154), "seconds": (101.0, 99.0)}
    ),
    ("optimizer", 1): RowScores(figures={"train": (0.9000, 0.9004), "test": (0.8900, 0.8904), "seconds": (50.0, 52.0)}),
    ("optimizer", 2): RowScores(reasons=("diverged: the loss was not finite", "diverged: at another step")),
}
PLAN = SimpleNamespace(definition=cnn, fidelity=cnn.fidelities[-1], jobs=(None,) * 4)


def report(measured, *, repeats: int = 2, against_report: bool = True, left: int = 0) -> SweepReport:
    return SweepReport(
        definition="cnn",
        study="cnn-sweep-full",
        fidelity="full",
        against_report=against_report,
        repeats=repeats,
        direction="maximize",
        metric="accuracy",
        unit="",
        tables=examine((OPTIMIZER,), measured, direction="maximize", against_report=against_report),
        jobs=6,
        left=left,
        ended="done",
    )


def printed(capsys: pytest.CaptureFixture[str], found: SweepReport) -> list[str]:
    sweep_text.conclude(found, PLAN)  # type: ignore[arg-type]
    out, err = capsys.readouterr()
    assert err == ""
    return [" ".join(line.split()) for line in out.splitlines() if line.strip()]


def test_each_sweep_row_is_printed_beside_its_reported_figures(capsys) -> None:
    lines = printed(capsys, report(MEASURED))
    assert lines[0] == "optimizer: Optimizer"
    assert lines[1] == "optimizer train report test report seconds"
    assert lines[3] == "adam 0.9702 ± 0.0003 0.97 0.9152 ± 0.0003 0.915 100 ± 1 the report's choice"
    assert lines[4] == "sgd, rate 0.01 0.9002 ± 0.0003 0.9 0.8902 ± 0.0003 * 0.99 51 ± 1"
    assert lines[5] == "adadelta - - - 0.75 - diverged: the loss was not finite"
    assert lines[6] == "nadam - - - - - not trained yet"
    assert any(line.startswith("* the report's figure is further off than noise") for line in lines)


def test_figures_are_not_tested_where_the_training_is_another(capsys) -> None:
    quick = SimpleNamespace(definition=cnn, fidelity=cnn.fidelities[0], jobs=(None,) * 4)
    sweep_text.conclude(report(MEASURED, against_report=False), quick)  # type: ignore[arg-type]
    out = capsys.readouterr().out
    assert "*" not in out
    assert "trained 3 epochs where the report trained 10" in out


def test_one_repeat_has_no_spread_and_says_what_more_would_give(capsys) -> None:
    once = {key: RowScores(figures={n: v[:1] for n, v in row.figures.items()}) for key, row in MEASURED.items()}
    lines = printed(capsys, report({key: once[key] for key in list(once)[:2]}, repeats=1))
    assert lines[3] == "adam 0.9700 0.97 0.9150 0.915 101 the report's choice"
    assert any("--repeats 3 gives both and trains 8 more" in line for line in lines)
    assert any(line.startswith("Nothing can be said of the report's choice, adam, yet") for line in lines)


def test_a_row_that_diverged_in_part_says_how_often(capsys) -> None:
    some = {**MEASURED, ("optimizer", 1): RowScores(figures={"test": (0.89,)}, reasons=("diverged: x",))}
    assert any(line.endswith("1 of 2 repeats diverged: x") for line in printed(capsys, report(some)))


def test_an_unfinished_sweep_prints_how_many_trainings_are_left(capsys) -> None:
    assert printed(capsys, report(MEASURED, left=3))[-1].startswith("its time is up with 3 of the trainings left")


def test_json_has_plain_types_and_every_row() -> None:
    (table,) = report(MEASURED).to_json()["tables"]  # type: ignore[misc]
    assert (table["id"], table["chosen"], len(table["rows"])) == ("optimizer", 0, 4)
    adam, sgd, adadelta, nadam = table["rows"]
    assert adam["measured"]["test"]["values"] == [0.915, 0.9154]
    assert adam["reported"] == {"train": Decimal("0.97"), "test": Decimal("0.915")}
    assert (adam["disagrees"], sgd["disagrees"]) == (False, True)
    assert sgd["params"] == {"optimizer": "sgd", "rate": 0.01}
    assert (adadelta["measured"], len(adadelta["reasons"])) == ({}, 2)
    assert nadam == {
        "setting": {"optimizer": "nadam"},
        "params": {"optimizer": "nadam", "rate": 0.1},
        "reported": {},
        "measured": {},
        "disagrees": False,
        "reasons": [],
    }


@pytest.mark.parametrize(
    ("values", "digits", "expected"), [((0.9,), 4, 4), ((2.5, 0.6), 4, 3), ((137.0,), 3, 0), ((), 4, 3), ((0.0,), 4, 3)]
)
def test_decimal_places_follow_the_largest_figure(values, digits: int, expected: int) -> None:
    assert places(values, digits) == expected


def test_a_spread_is_a_mean_with_what_is_known_of_its_noise() -> None:
    assert [spread(None, None, 2), spread(1.0, None, 2), spread(1.0, 0.127, 2)] == ["-", "1.00", "1.00 ± 0.13"]


def greedy() -> GreedyReport:
    base = OPTIMIZER.base
    rows = tuple(
        GreedyRow(
            index=index,
            setting=row.setting,
            params={**base, **row.setting},
            scores=scores,
            mean=sum(scores) / 2 if len(scores) == 2 else None,
            reason=reason,
        )
        for index, (row, scores, reason) in enumerate(
            zip(
                OPTIMIZER.rows,
                ((0.8, 0.9), (0.9, 0.92), (), ()),
                (None, None, "infeasible: no", "diverged"),
                strict=True,
            )
        )
    )
    return GreedyReport(
        definition="cnn",
        study="cnn-greedy-quick",
        fidelity="quick",
        repeats=2,
        direction="maximize",
        metric="accuracy",
        unit="",
        tables=(GreedyTable(sweep=OPTIMIZER, base=base, rows=rows, chosen=1),),
        complete=True,
        final=rows[1].params,
        reported=base,
        ended="done",
    )


def test_the_greedy_choice_is_printed_beside_the_reports(capsys) -> None:
    sweep_text.conclude_greedy(greedy())
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "adam 0.8500 ± 0.0707 the report's choice" in lines
    assert "sgd, rate 0.01 0.9100 ± 0.0141 chosen" in lines
    assert "adadelta - infeasible: no" in lines
    assert "chosen: sgd, rate 0.01; by the report: adam" in lines
    assert "rate 0.01 0.1 differs" in lines
    assert lines[-1] == "accuracy on validation rows, more is better, the mean of 2 splits"


def test_an_unfinished_greedy_method_says_so(capsys) -> None:
    sweep_text.conclude_greedy(replace(greedy(), complete=False))
    out = capsys.readouterr().out
    assert "the winner so far" in out
    assert "its time is up after 1 table; the same command goes on" in out


def test_uneven_numbers_of_repeats_are_printed_as_up_to(capsys) -> None:
    uneven = {("optimizer", 0): MEASURED["optimizer", 0]}
    assert any(
        line.endswith("each trained up to 2 times with different seeds") for line in printed(capsys, report(uneven))
    )
    even = {("optimizer", at): MEASURED["optimizer", 0] for at in range(4)}
    even["optimizer", 2] = MEASURED["optimizer", 2]  # diverged twice
    assert any(line.endswith("each trained 2 times with different seeds") for line in printed(capsys, report(even)))


PARTS = Ablation(
    id="parts",
    title="Parts",
    plain={"a": 0, "b": 0},
    full={"a": 1, "b": 1},
    techniques=(
        Technique(name="A", alone={"a": 1, "b": 0}, without={"a": 0, "b": 1}),
        Technique(name="B", alone={"a": 0, "b": 1}, without={"a": 1, "b": 0}),
    ),
)


def chapter(scores: Sequence[tuple[float, ...]], *sweeps: Sweep) -> SweepReport:
    """What was measured of the tables of a chapter that prints no figures, one of them an ablation."""
    tables = (*sweeps, PARTS.table)
    measured = {("parts", row): RowScores(figures={"test": given}) for row, given in enumerate(scores)}
    measured |= {(one.id, row): RowScores(figures={"test": (0.5, 0.6)}) for one in sweeps for row in range(4)}
    return replace(
        report(measured, against_report=False),
        tables=examine(tables, measured, direction="maximize", against_report=False),
        source="chapter",
        ablations=(examine_ablation(PARTS, measured, direction="maximize"),),
    )


def test_an_ablation_prints_effects_of_techniques_and_no_choice(capsys: pytest.CaptureFixture[str]) -> None:
    noisy = [(mean - 0.01, mean + 0.01) for mean in (0.1, 0.3, 0.1, 0.5, 0.6, 0.9)]
    lines = printed(capsys, chapter(noisy))
    assert any(line.startswith("plain 0.1000") for line in lines)
    assert "technique alone in company interaction" in lines
    row = next(line for line in lines if line.startswith("A +"))
    assert row.startswith("A +0.2 [+")
    assert "+0.4 [" in row
    assert " *" in row
    assert next(line for line in lines if line.startswith("B +")).startswith("B +0 [-0.0")
    assert any(line.startswith("all together: +0.8 [") for line in lines)
    assert not any("choice" in line for line in lines)


def test_one_repeat_gives_differences_without_intervals(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, chapter([(mean,) for mean in (0.1, 0.3, 0.1, 0.5, 0.6, 0.9)]))
    assert "A +0.2 +0.4 +0.2" in lines
    assert "note: one repeat tells no noise: measure 2 or more" in lines


def test_tables_without_reported_figures_do_not_mention_a_report(capsys: pytest.CaptureFixture[str]) -> None:
    unreported = replace(OPTIMIZER, rows=tuple(replace(row, reported={}) for row in OPTIMIZER.rows))
    lines = printed(capsys, chapter([], unreported))
    assert not any("report" in line for line in lines)
    assert any(line.endswith("the chapter's choice") for line in lines)
    assert any(line.startswith("The chapter's choice, adam, ") for line in lines)
    assert not any("beside these" in line for line in lines)
