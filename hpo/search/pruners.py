"""Pruners by name, fitted to a fidelity, refused with a reason where one cannot work; none sees superseded attempts.

A trial reports its value after an epoch, step 1 the first, and is not asked after the last: it has done its work then.
With folds, all are trained in step and the value is their mean; only for Wilcoxon a step is a fold. An objective of
somebody's own has what steps it likes, however many.
"""

import copy
import math
import warnings
from collections.abc import Callable, Container
from typing import Any, cast

from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner, MedianPruner, NopPruner, SuccessiveHalvingPruner, WilcoxonPruner
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hpo.errors import UsageError
from hpo.messages import did_you_mean
from hpo.optuna_internals import RUNG_COMPLETE, storage_of
from hpo.search.seeds import derive, position, rung
from hpo.settings import DEFAULT_PRUNER, PRUNERS
from hpo.study import Fidelity
from hpo.study.evaluation import ByObjective
from hpo.study.searchable import Searchable

__all__ = [
    "ETA",
    "WILCOXON_FOLDS",
    "ActiveTrials",
    "ActiveTrialsPruner",
    "brackets",
    "default_pruner",
    "make_pruner",
]


ETA = 3  # of three trials at a rung of successive halving, one goes on
WILCOXON_FOLDS = 4  # with fewer pairs no signed-rank test reaches p = 0.1
_BRACKETS = 4  # of Hyperband where nobody knows how many steps there are
_FIRST_RUNG = 10  # the first rung of halving is at a tenth of the epochs, the next at three tenths


class ActiveTrials:
    """A study without its failed trials, and of one that climbs, its first rung alone.

    What is complete on a rung below the highest is pruned to Optuna; here it is complete.

    A crashed attempt leaves its rungs and reports behind, and Optuna's halving pruners count the rungs of every trial
    that has them. This is the part of `optuna.Study` that Optuna's pruners use, no more.
    """

    def __init__(self, study: Study, counts: Callable[[FrozenTrial], bool] | None = None) -> None:
        self._study = study
        self._counts = counts  # which of the active trials to show; None: all
        self._storage = storage_of(study)  # halving pruners note rungs in the trial asked about

    @property
    def direction(self) -> StudyDirection:
        """Optuna's."""
        return self._study.direction

    @property
    def best_trial(self) -> FrozenTrial:
        """Optuna's; a failed trial has no value. Raises ValueError where none is complete."""
        return self._study.best_trial

    def get_trials(self, deepcopy: bool = True, states: Container[TrialState] | None = None) -> list[FrozenTrial]:
        """Optuna's, without the failed trials and those that climbed."""
        trials = (
            _as_complete(each)
            for each in self._study.get_trials(deepcopy=deepcopy)
            if each.state != TrialState.FAIL and not rung(each.system_attrs)
        )
        return [
            each
            for each in trials
            if (states is None or each.state in states) and (self._counts is None or self._counts(each))
        ]

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"a pruner sees only the active trials of a study, not its {name!r}")


def _as_complete(trial: FrozenTrial) -> FrozenTrial:
    if RUNG_COMPLETE not in trial.system_attrs:
        return trial
    shown = copy.copy(trial)
    shown.state = TrialState.COMPLETE
    return shown


class ActiveTrialsPruner(BasePruner):
    """Optuna's pruner `inner` for the first rung of a search, to which superseded attempts do not exist."""

    def __init__(self, inner: BasePruner, *, last_step: float = math.inf, by_fold: bool = False) -> None:
        self._inner = inner
        self._last_step = last_step  # no trial is stopped after it: a rung near the end would save little
        self.by_fold = by_fold  # whether a step is a fold, and the folds are those of every other trial

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether to stop the trial."""
        step = trial.last_step
        if step is None or step > self._last_step or rung(trial.system_attrs):
            return False  # what climbed is trained to its end: its value is what counts
        return self._inner.prune(cast("Study", ActiveTrials(study)), trial)


class Hyperband(BasePruner):
    """Successive halving in brackets, each beginning a rung later; a share of the trials goes to each.

    Li et al., Hyperband (JMLR 18, 2018), with the asynchronous halving of Li et al. (MLSys 2020), in the shares that
    Optuna gives the brackets. A trial's bracket follows from its position, so a second attempt stays in it; and
    samplers see the trials of all brackets, where Optuna shows them those of one.
    """

    def __init__(self, *, min_resource: int | str, count: int) -> None:
        self._brackets = tuple(
            SuccessiveHalvingPruner(min_resource=min_resource, reduction_factor=ETA, min_early_stopping_rate=rate)
            for rate in range(count)
        )
        self._shares = brackets(count)

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether to stop the trial, compared with those of its own bracket."""
        own = self._bracket(trial)
        rivals = ActiveTrials(study, lambda other: self._bracket(other) == own)
        return self._brackets[own].prune(cast("Study", rivals), trial)

    def _bracket(self, trial: FrozenTrial) -> int:
        place = derive(0, "bracket", position(trial.system_attrs, trial.number)) % sum(self._shares)
        for bracket, share in enumerate(self._shares):
            place -= share
            if place < 0:
                return bracket
        raise AssertionError("a remainder is less than its divisor")


def brackets(count: int) -> tuple[int, ...]:
    """How many trials in sum(...) each of `count` brackets gets: the more, the earlier it halves."""
    return tuple(-(-count * ETA**rest // (rest + 1)) for rest in range(count - 1, -1, -1))


def make_pruner(name: str, *, definition: Searchable, fidelity: Fidelity | str | None = None) -> BasePruner:
    """A pruner whose rungs fit the epochs of the fidelity.

    Args:
        name: a key of `hpo.settings.PRUNERS`.
        definition: what is searched.
        fidelity: one of the definition's, or its name; None: the one a search uses.

    Raises:
        UsageError: there is no such pruner, or it cannot work there; the message tells why and what can.

    """
    if name not in PRUNERS:
        there = did_you_mean(name, PRUNERS, f"there are: {', '.join(PRUNERS)}")
        raise UsageError(f"there is no pruner {name!r}; {there}")
    fidelity = _fidelity(definition, fidelity)
    if name == "none":
        return NopPruner()
    if name == "wilcoxon":
        folds = _folds_for_wilcoxon(definition, fidelity)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return ActiveTrialsPruner(WilcoxonPruner(p_threshold=0.1), last_step=folds, by_fold=True)
    return _by_step(name) if isinstance(definition.evaluation, ByObjective) else _by_epoch(name, fidelity)


def default_pruner(definition: Searchable, fidelity: Fidelity | str | None = None) -> str:
    """The name of the pruner for who names none: `DEFAULT_PRUNER`, or none where that one cannot work.

    Of an objective of somebody's own it is Optuna's: halving begins at a share of the steps, which nobody knows there.
    """
    chosen = _fidelity(definition, fidelity)  # an unknown one is refused
    if isinstance(definition.evaluation, ByObjective):
        return "median"
    try:
        make_pruner(DEFAULT_PRUNER, definition=definition, fidelity=chosen)
    except UsageError:
        return "none"
    return DEFAULT_PRUNER


def _fidelity(definition: Searchable, fidelity: Fidelity | str | None) -> Fidelity:
    if isinstance(fidelity, Fidelity):
        return fidelity
    return definition.fidelity(fidelity) if fidelity else definition.fidelities[0]


def _by_step(name: str) -> ActiveTrialsPruner:
    """For trials of which nobody knows how many steps they have; `auto` tells by the first that came to its end."""
    if name == "median":
        return ActiveTrialsPruner(MedianPruner(n_startup_trials=5))
    if name == "hyperband":
        return ActiveTrialsPruner(Hyperband(min_resource="auto", count=_BRACKETS))
    return ActiveTrialsPruner(SuccessiveHalvingPruner(min_resource="auto", reduction_factor=ETA))


def _by_epoch(name: str, fidelity: Fidelity) -> ActiveTrialsPruner:
    epochs = fidelity.epochs
    if epochs < 2:
        raise UsageError(
            f"pruner {name} stops a trial between epochs, and fidelity {fidelity.name!r} has only one; "
            "use --pruner none"
        )
    if name == "median":
        return ActiveTrialsPruner(MedianPruner(n_startup_trials=5, n_warmup_steps=epochs // 5), last_step=epochs)
    first = max(1, epochs // _FIRST_RUNG)
    last = max(1, epochs * 2 // 3)  # a later rung would save little
    if name == "hyperband":
        rungs = sum(first * ETA**rung <= last for rung in range(4))
        return ActiveTrialsPruner(Hyperband(min_resource=first, count=rungs + 1), last_step=last)
    return ActiveTrialsPruner(SuccessiveHalvingPruner(min_resource=first, reduction_factor=ETA), last_step=last)


def _folds_for_wilcoxon(definition: Searchable, fidelity: Fidelity) -> int:
    evaluation = definition.evaluation
    if not evaluation.folded:
        how = "by its own objective" if isinstance(evaluation, ByObjective) else "on one holdout"
        raise UsageError(
            f"pruner wilcoxon compares trials fold by fold, and {definition.name} is judged {how}; use --pruner asha"
        )
    folds = evaluation.trainings(fidelity.folds)
    if folds < WILCOXON_FOLDS + 1:
        raise UsageError(
            f"pruner wilcoxon can stop a trial after {WILCOXON_FOLDS} folds at the earliest, and fidelity "
            f"{fidelity.name!r} has {folds}; use another fidelity or --pruner asha"
        )
    return folds
