"""Spaces, fidelities and evaluations in words."""

from typing import TYPE_CHECKING

from hpo.study.direction import sign

if TYPE_CHECKING:
    from hpo.study import Evaluation, Fidelity, Space

__all__ = ["CHANGED", "by_whom", "count", "evaluation_words", "fidelity_words", "size_words", "what_is_better"]


CHANGED = "  code     the definition's has changed since: trainings from now on are of the new one"
"""Of a study that is asked for again."""


def count(number: int, noun: str) -> str:
    """`number` things: 1 trial, 50 trials, 2,400 rows."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def by_whom(workers: int) -> str:
    """Who does it: so many workers here, or a fleet's."""
    return f"by {count(workers, 'worker')}" if workers else "by the fleet"


def what_is_better(direction: str) -> str:
    """Which way a metric is better, below a table of its figures."""
    return f"{'more' if sign(direction) > 0 else 'less'} is better"


def size_words(space: "Space") -> str:
    """How large a space is."""
    size = space.size
    configurations = "continuous" if size is None else count(size, "configuration")
    return f"{count(len(space.params), 'parameter')}, {configurations}"


def fidelity_words(fidelity: "Fidelity", evaluation: "Evaluation", labels: int | None = None) -> str:
    """The work of one evaluation: rows, how many of them have a label where not all do, folds, epochs."""
    from hpo.study import KFold

    words = [f"{fidelity.rows:,} training rows" if fidelity.rows is not None else "all training rows"]
    if labels is not None:
        words.append(f"{labels:,} of them labelled")
    if isinstance(evaluation, KFold):
        words.append(count(fidelity.folds or evaluation.folds, "fold"))
    return ", ".join([*words, count(fidelity.epochs, "epoch")])


def evaluation_words(evaluation: "Evaluation") -> str:
    """On which rows a trial is judged."""
    from hpo.study import Holdout

    if isinstance(evaluation, Holdout):
        kind = "stratified " if evaluation.stratified else ""
        return f"judged on a {kind}holdout of {evaluation.rows:,} rows"
    return f"judged by {evaluation.folds}-fold cross-validation"
