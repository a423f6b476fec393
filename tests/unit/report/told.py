"""Findings for the tests of figures: real records around numbers a test chooses, nothing trained or stored."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NoReturn

from hpo.analysis import Comparison, RaceFinding, Racer, RowScores, compare, examine
from hpo.experiments.compare.budget import Budget, Spent
from hpo.experiments.compare.comparison_report import CompareReport, Heat, Scores, Side
from hpo.experiments.findings import Findings, Provenance, TrialPoint
from hpo.experiments.sweep.sweep_report import SweepReport
from hpo.storage.queries.status import RungStatus, StudyStatus
from hpo.storage.studies import StudyRecord
from hpo.study import Baseline, Categorical, Fidelity, Float, Holdout, Int, Row, Space, StudyDefinition, Sweep

HAND: dict[str, Any] = {"units": 32, "optimizer": "adam", "rate": 0.001}


def _never(*_: object) -> NoReturn:
    raise AssertionError("figures load and train nothing")


def _row(train: str, test: str, **setting: Any) -> Row:
    return Row(setting=setting, reported={"train": Decimal(train), "test": Decimal(test)})


UNITS = Sweep(
    id="units",
    title="Units",
    base=HAND,
    rows=(_row("0.90", "0.88", units=8), _row("0.95", "0.91", units=32), _row("0.97", "0.90", units=128)),
    chosen=1,
)
OPTIMIZER = Sweep(
    id="optimizer",
    title="Optimizer",
    base=HAND,
    rows=(_row("0.95", "0.91", optimizer="adam"), _row("0.9", "0.89", optimizer="sgd", rate=0.01)),
    chosen=0,
)


def definition(direction: str = "maximize", unit: str = "", sweeps: Sequence[Sweep] = (UNITS, OPTIMIZER)) -> Any:
    return StudyDefinition(
        name="toy",
        title="a toy",
        data=_never,
        build=_never,
        metric="accuracy" if direction == "maximize" else "mae",
        direction=direction,  # type: ignore[arg-type]
        unit=unit,
        spaces=(
            Space(
                name="all",
                params={
                    "units": Int(low=4, high=256, log=True),
                    "optimizer": Categorical(choices=("adam", "sgd")),
                    "rate": Float(low=1e-5, high=1.0, log=True),
                },
            ),
        ),
        evaluation=Holdout(rows=10),
        fidelities=(Fidelity(name="quick", epochs=3), Fidelity(name="full", epochs=10)),
        baselines=(Baseline(name="report", title="the report's", params=HAND),),
        sweeps=tuple(sweeps),
    )


def record(direction: str = "maximize", **more: Any) -> StudyRecord:
    its: dict[str, Any] = {
        "name": "toy-all-quick",
        "reference": "toy",
        "definition": "toy",
        "space": "all",
        "fingerprint": "0",
        "fidelity": "quick",
        "direction": direction,
        "metric": "accuracy" if direction == "maximize" else "mae",
        "seed": 1,
        "sampler": "tpe",
        "pruner": "none",
        "created_at": 0.0,
        "id": 1,
        **more,
    }
    return StudyRecord(**its)


def trial(number: int | None, state: str = "complete", value: float | None = None, **more: Any) -> TrialPoint:
    its = {"params": {}, "seconds": 1.0, "reason": None, "worker": "w", "settled_at": float(number or 0), **more}
    return TrialPoint(number=number, state=state, value=value, **its)  # type: ignore[arg-type]


def findings(direction: str = "maximize", **parts: Any) -> Findings:
    """Findings that hold `parts` and nothing else."""
    status = StudyStatus(
        study="toy-all-quick",
        definition="toy",
        space="all",
        fidelity="quick",
        rungs=(RungStatus(fidelity="quick", target=0, settled=0),),
        target=0,
        settled=0,
        complete=0,
        pruned=0,
        failed=0,
        running=0,
        open=0,
        claimable=0,
        best=None,
        direction=direction,
        metric="accuracy",
        sampler="tpe",
        pruner="none",
        seed=1,
        created_at=datetime.now(UTC),
        kind="search",
        parent=None,
        workers=(),
        eta_seconds=None,
        eta_range=None,
        state="done",
        stopped_at=None,
        stopped_by=None,
        stopped_why=None,
        until=None,
        trial_timeout=None,
        running_trials=(),
    )
    provenance = Provenance(
        versions={}, python="3", platform="p", seeds={}, commands=(), data={}, made_at=datetime.now(UTC)
    )
    nothing: dict[str, Any] = dict.fromkeys(
        ("comparison", "sweeps", "greedy", "importances", "interaction", "curves", "predictions")
    )
    given = {
        "record": record(direction),
        "definition": definition(direction),
        "status": status,
        "trials": (),
        "claims": (),
        "missing": (),
        **nothing,
        **parts,
    }
    return Findings(provenance=provenance, **given)


def racer(name: str, scores: Sequence[float], search_value: float | None = None) -> Racer:
    number = int(name.removeprefix("trial ")) if name.startswith("trial ") else None
    return Racer(name=name, number=number, search_value=search_value, scores=tuple(scores))


def heat(*order: Racer, fidelity: str = "quick", optimism: float | None = None) -> Heat:
    finding = RaceFinding(
        order=order,
        winner=next(one for one in order if one.number is not None),
        optimism=optimism,
        optimism_ci95=None,
        tau=None,
        first_share=None,
    )
    return Heat(fidelity=fidelity, rounds=len(order[0].scores), finding=finding)


def comparison(
    optimum: Sequence[float],
    baseline: Sequence[float],
    *,
    direction: str = "maximize",
    heats: Sequence[Heat] = (),
    value: float | None = None,
    resampled: tuple[Sequence[float], Sequence[float]] | None = None,
    unit: str = "",
    alpha: float = 0.05,
) -> CompareReport:
    def found(ours: Sequence[float], theirs: Sequence[float], share: float | None = None) -> Comparison:
        return compare(ours, theirs, direction=direction, test_share=share, alpha=alpha)  # type: ignore[arg-type]

    spent = Spent(trials=3, epochs=None, seconds=None)
    second = None if resampled is None else found(*resampled, 0.2)
    return CompareReport(
        study="toy-all-quick",
        definition="toy",
        space="all",
        metric="accuracy" if direction == "maximize" else "mae",
        unit=unit,
        direction=direction,
        search_fidelity="quick",
        fidelity="full",
        baseline=Side(name="report", number=None, params=HAND, value=value),
        optimum=Side(name="trial 7", number=7, params=HAND, value=None),
        heats=tuple(heats),
        rows="share",
        comparison=found(optimum, baseline),
        scores=Scores(optimum=tuple(optimum), baseline=tuple(baseline)),
        resampled=second,
        resampled_scores=None
        if resampled is None
        else Scores(optimum=tuple(resampled[0]), baseline=tuple(resampled[1])),
        interim_analyses=(),
        budget=Budget(search=spent, hand=None, trials_to_pass=None),
        claimed=None,
    )


def sweep_report(
    measured: Mapping[tuple[str, int], RowScores],
    *,
    sweeps: Sequence[Sweep] = (UNITS, OPTIMIZER),
    against_report: bool = True,
    repeats: int = 3,
) -> SweepReport:
    return SweepReport(
        definition="toy",
        study="toy-sweep-full",
        fidelity="full",
        against_report=against_report,
        repeats=repeats,
        direction="maximize",
        metric="accuracy",
        unit="",
        tables=examine(sweeps, measured, direction="maximize", against_report=against_report),
        jobs=1,
        left=0,
        ended=None,
    )


def by_name(figure: Any, name: str) -> Any:
    """The only trace of a figure whose name begins so."""
    found = [trace for trace in figure.data if (trace.name or "").startswith(name)]
    assert len(found) == 1, [trace.name for trace in figure.data]
    return found[0]
