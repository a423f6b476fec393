"""What a comparison prints, and that the record it is printed from survives a database."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from hpo.analysis import ASSUMED, Racer, compare, failures, rank
from hpo.cli.printing.comparison_text import show
from hpo.experiments.compare.budget import Budget, Spent
from hpo.experiments.compare.comparison_report import Claimed, CompareReport, Heat, Scores, Side
from hpo.experiments.compare.interim_analyses import InterimAnalysis

OPTIMUM = (2.2, 2.3, 2.25, 2.4, 2.1, 2.35, 2.2, 2.3)
BASELINE = (2.5, 2.55, 2.45, 2.6, 2.5, 2.7, 2.4, 2.5)


def look(number: int = 1, pairs: int = 8, **changes) -> InterimAnalysis:
    its = {"rows": "share", "baseline": "report", "fidelity": "full", "optimum": "0f", "alpha": 0.0375}
    its |= {"p_value": 0.0078, "verdict": "better", "looked_at": 1.0}
    return InterimAnalysis(number=number, pairs=pairs, **{**its, **changes})


def sample(optimum=OPTIMUM, baseline=BASELINE, *, second: bool = True, **changes) -> CompareReport:
    racers = [
        Racer(name="trial 7", number=7, search_value=2.0, scores=(2.1, 2.2, 2.3)),
        Racer(name="trial 9", number=9, search_value=2.1, scores=(2.3, 2.3, 2.2)),
        Racer(name="report", number=None, search_value=2.4, scores=(2.5, 2.6, 2.4)),
    ]
    scores = Scores(optimum=tuple(optimum), baseline=tuple(baseline))
    made = {
        "study": "fcnn-wide-full", "definition": "fcnn", "space": "wide", "metric": "mae", "unit": "thousand dollars",
        "direction": "minimize", "search_fidelity": "full", "fidelity": "full",
        "baseline": Side(name="report", number=0, params={"layers": 4}, value=2.4),
        "optimum": Side(name="trial 7", number=7, params={"layers": 2, "schedule": None}, value=2.0),
        "heats": (Heat(fidelity="full", rounds=3, finding=rank(racers, direction="minimize")),),
        "rows": "share",
        "comparison": compare(optimum, baseline, direction="minimize", margin=0.1, alpha=0.0375),
        "scores": scores,
        "resampled": compare(optimum, baseline, direction="minimize", margin=0.1, test_share=0.25) if second else None,
        "resampled_scores": scores if second else None,
        "interim_analyses": (look(),),
        "budget": Budget(
            search=Spent(trials=100, epochs=1000, seconds=360.0),
            hand=Spent(trials=31, epochs=6200, seconds=None, rows=36, tables=6),
            trials_to_pass=17,
        ),
        "claimed": Claimed(reported={"test": Decimal("2.30")}, measured={"test": (2.5, 2.6), "train": (0.4, 0.5)}),
    }  # fmt: skip
    return CompareReport(**{**made, **changes})


@pytest.mark.parametrize("second", [True, False])
def test_a_comparison_report_survives_json(second: bool) -> None:
    report = sample(second=second)
    assert CompareReport.from_json(json.loads(json.dumps(report.to_json(), allow_nan=False))) == report


def test_a_resampled_comparison_report_survives_json() -> None:
    resampled = compare(OPTIMUM, BASELINE, direction="minimize", margin=0.1, test_share=0.25)
    report = sample(second=False, rows="resampled", comparison=resampled)
    again = CompareReport.from_json(json.loads(json.dumps(report.to_json())))
    assert again == report
    assert again.comparison.resampled


def test_the_json_document_has_the_verdicts_figures_at_its_top() -> None:
    report = sample()
    document = report.to_json()
    for name in ("pairs", "difference", "ci95", "p_superior", "p_superior_ci95", "p_value", "margin", "alpha"):
        value = getattr(report.comparison, name)
        assert document[name] == (list(value) if isinstance(value, tuple) else value)
    assert document["verdict"] == "better"
    assert document["baseline"]["params"] == {"layers": 4}
    assert document["optimum"]["number"] == 7
    assert document["resampled"]["resampled"] is True


def test_require_better_needs_an_optimum_that_trains_reliably() -> None:
    report = sample()
    assert report.shortfall("better") is None
    assert report.shortfall("worse") == "the verdict is better, and --require worse asks for another"
    for lost, why in (
        (("report, pair 2: diverged",), None),
        (
            ("report, pair 2: diverged", "trial 7, pair 3: diverged: early", "trial 7, pair 5: diverged: late"),
            "--require better asks for an optimum that trains, and it gave no score in 2 of 8 pairs: "
            "trial 7, pair 3: diverged: early",
        ),
    ):
        assert replace(report, scores=replace(report.scores, lost=lost)).shortfall("better") == why


def printed(report: CompareReport, capsys: pytest.CaptureFixture[str]) -> str:
    show(report)
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_the_verdict_comes_first_and_everything_it_rests_on_follows(capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(sample(), capsys)
    assert "trial 7" in out.splitlines()[0]
    assert "report" in out.splitlines()[0]
    assert out.index("on the test rows") < out.index("Race at fidelity full")
    for words in (
        "2.26", "2.525", "+0.2625", "8 of 8, 100%", "68% to 100%", "0.1", "0.0375", "better",
        "optimism of the search: +0.2, 95 % ", "Kendall's tau", "100 trials, 1,000 epochs, 6 min of training",
        "36 rows of 6 tables, 31 configurations, 6,200 epochs", "trial number 17", "the report says 2.30",
        "it gives 2.55 (2.5 to 2.6), 2 trainings",
    ):  # fmt: skip
        assert words in out
    assert out.splitlines()[-1] == "looks so far on the test rows: 1 (8 pairs, alpha 0.0375): better, p 0.0078"


def test_a_verdict_of_worse_is_printed_with_all_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(sample(BASELINE, OPTIMUM, second=False), capsys)
    assert "-0.2625" in out
    assert "worse" in out
    assert "0 of 8, 0%" in out


def test_lost_pairs_earlier_interim_analyses_and_dropped_racers_are_reported(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = sample(interim_analyses=(look(), look(2, 20, alpha=0.009375, verdict="", p_value=None)))
    report = replace(
        report,
        scores=replace(report.scores, lost=("trial 7, pair 3: diverged",)),
        heats=(replace(report.heats[0], dropped=("trial 12: diverged at once",)),),
    )
    out = printed(report, capsys)
    assert "trial 7, pair 3: diverged" in out
    assert "out of the race: trial 12: diverged at once" in out
    assert "1 (8 pairs, alpha 0.0375): better, p 0.0078; 2 (20 pairs, alpha 0.00937): not told" in out


def test_unknown_figures_are_printed_as_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    bare = Budget(search=Spent(trials=3, epochs=None, seconds=None), hand=None, trials_to_pass=None)
    out = printed(sample(second=False, budget=bare, claimed=None), capsys)
    assert "no trial of the search was better there than the baseline" in out
    assert "spent by hand" not in out
    unseen = replace(sample().baseline, number=None, value=None)
    assert "has no value in the search" in printed(replace(sample(budget=bare), baseline=unseen), capsys)
    unmeasured = Claimed(reported={"test": Decimal("0.92")}, measured={})
    assert "not measured yet" in printed(sample(claimed=unmeasured), capsys)


def test_failures_and_the_bound_on_unseen_ones_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    def told(failing: int) -> str:
        counted = failures((failing, 8 + failing), (0, 9))
        found = compare(OPTIMUM, BASELINE, direction="minimize", margin=0.1, alpha=0.0375, failures=counted)
        report = sample(comparison=found)
        assert report.to_json()["failures"]["a"]["failed"] == failing
        assert report.to_json()["unseen95"] == pytest.approx(1 - 0.05 ** (1 / 8))
        return " ".join(printed(report, capsys).split())

    few, many = told(1), told(9)
    for out in (few, many):
        assert out.count("What none of 8 pairs shows may still happen in up to 31.2% of trainings") == 2
        assert ASSUMED in out
        assert "0 of 9, up to 28.3%" in out
    said = "of the search's optimum (trial 7) failed"
    assert f"1 of 9 trainings {said}" in few
    assert many.count(f"9 of 17 trainings {said}") == 1
    assert "only when it trains" in many
    report = sample(comparison=replace(sample().comparison, verdict="unreliable"))
    assert report.shortfall("better") == "the verdict is unreliable, and --require better asks for another"
