"""Learning curves and predictions that the measurements of a comparison kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hpo.experiments import measure
from hpo.experiments.compare.comparison_report import CompareReport, Side
from hpo.experiments.findings.findings_record import Curve, CurvePair, Curves, Predictions
from hpo.search.suggest import digest
from hpo.storage import Storage, studies
from hpo.storage.studies import StudyRecord

if TYPE_CHECKING:
    from hpo.data import Dataset
    from hpo.experiments.measure import Result

__all__ = ["Learned", "learned", "mean_curve"]


@dataclass(frozen=True, kw_only=True)
class Learned:
    """What was kept of how both configurations learned and what they say."""

    curves: Curves | None
    predictions: Predictions | None


def learned(storage: Storage, record: StudyRecord, comparison: CompareReport | None, data: "Dataset | None") -> Learned:
    """Curves from the last heat of the race, predictions from the first pair on the definition's own test rows."""
    if comparison is None:
        return Learned(curves=None, predictions=None)
    theirs = [one for one in studies.list_all(storage) if one.parent == record.name]
    return Learned(
        curves=_curves(storage, theirs, comparison),
        predictions=None
        if data is None or not data.test.of_one_array
        else _predictions(storage, theirs, comparison, data),
    )


def mean_curve(curves: Sequence[Curve]) -> Curve:
    """The mean at every step that all the curves have; empty where there is none."""
    if not curves:
        return ()
    tables = [dict(curve) for curve in curves]
    common = set(tables[0]).intersection(*tables[1:])
    return tuple((step, fmean(table[step] for table in tables)) for step in sorted(common))


def _curves(storage: Storage, theirs: Sequence[StudyRecord], comparison: CompareReport) -> Curves | None:
    if not comparison.heats:
        return None
    fidelity = comparison.heats[-1].fidelity
    kept = _results(storage, theirs, "race", fidelity)
    pairs = {name: _pair(kept, side) for name, side in _sides(comparison).items()}
    if not any(pairs.values()):
        return None
    return Curves(optimum=pairs["optimum"], baseline=pairs["baseline"], fidelity=fidelity, metric=comparison.metric)


def _pair(kept: "Sequence[Result]", side: Side) -> CurvePair | None:
    its = [result for result in kept if result.outcome == "complete" and digest(result.params) == digest(side.params)]
    validation = mean_curve([result.curve for result in its])
    if not validation:
        return None
    return CurvePair(validation=validation, train=mean_curve([result.train_curve for result in its]))


def _predictions(
    storage: Storage, theirs: Sequence[StudyRecord], comparison: CompareReport, data: "Dataset"
) -> Predictions | None:
    kept = [result for result in _results(storage, theirs, "pairs", comparison.fidelity) if result.predictions]
    said = {name: _said(kept, side, len(data.test)) for name, side in _sides(comparison).items()}
    found = [one for one in said.values() if one is not None]
    if not found:
        return None
    kind = "labels" if np.issubdtype(found[0].dtype, np.integer) else "values"
    truth = np.asarray(data.test.y)
    if kind == "labels" and truth.ndim == 2:
        truth = truth.argmax(axis=1)
    if truth.ndim != 1:  # several numbers a row: no plot of ours shows them
        return None
    return Predictions(
        truth=truth,
        optimum=said["optimum"],
        baseline=said["baseline"],
        kind="labels" if kind == "labels" else "values",
        label_names=data.label_names,
        feature_names=data.feature_names,
        x=data.test.x,
    )


def _said(kept: "Sequence[Result]", side: Side, rows: int) -> NDArray[Any] | None:
    for result in kept:
        words: Mapping[str, Sequence[Any]] = result.predictions or {}
        if digest(result.params) != digest(side.params):
            continue
        for name, dtype in (("labels", np.int64), ("values", np.float64)):
            if len(words.get(name, ())) == rows:  # else the data set was another one then
                said = np.asarray(words[name], dtype=np.float64)
                return said.astype(dtype) if np.isfinite(said).all() else None
    return None


def _sides(comparison: CompareReport) -> dict[str, Side]:
    return {"optimum": comparison.optimum, "baseline": comparison.baseline}


def _results(storage: Storage, theirs: Sequence[StudyRecord], kind: str, fidelity: str) -> "list[Result]":
    """The results of the studies of that kind and fidelity, in the order they were measured."""
    return [
        result
        for one in theirs
        if one.kind == kind and one.fidelity == fidelity
        for result in measure.results(storage, one.name).values()
    ]
