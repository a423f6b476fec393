"""One trial: a configuration is drawn, judged and reported. A plain Optuna callable."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any

from optuna.exceptions import TrialPruned
from optuna.pruners import NopPruner, WilcoxonPruner
from optuna.trial import BaseTrial, Trial

from hpo.errors import TrialError
from hpo.optuna_internals import trial_id
from hpo.search.row_splits import Split, preload, splits
from hpo.search.seeds import derive, position, split_seed, trial_seed
from hpo.search.seeds import rung as rung_of
from hpo.search.suggest import suggest
from hpo.search.trainings import (
    MakeCheckpoints,
    costs,
    foretold,
    no_checkpoints,
    note_probes,
    note_work,
    reject,
)
from hpo.search.trial_evaluation import Evaluation
from hpo.study import Fidelity, Params, Space, StudyDefinition, registry

__all__ = ["FOLDED_REPORTS", "REPORTS", "Objective", "objective"]

REPORTS = 25  # values a trial on one split reports at most: each costs 2 ms on SQLite, and more make no better curve
FOLDED_REPORTS = 10  # of a trial on folds: to go from fold to fold after each epoch would cost half the training again


def objective(
    definition: str | StudyDefinition,
    *,
    space: str | None = None,
    fidelity: str | None = None,
    rungs: Sequence[str] = (),
    seed: int = 0,
    beat: Callable[[], None] | None = None,
    costs: Sequence[str] = (),
    on_trained: Callable[[BaseTrial, Evaluation], None] | None = None,
    checkpoints: MakeCheckpoints = no_checkpoints,
) -> "Objective":
    """What `optuna.create_study(direction=…).optimize` takes.

    Args:
        definition: an installed one's name, `package.module:attribute`, `path/to/file.py:attribute`, or the record.
        space: a name of one of its spaces; None: its first.
        fidelity: a name of one of its fidelities; None: its first.
        rungs: names of those a search climbs, one a rung, in place of `fidelity`: each trial's rung says which.
        seed: the study's; the rows, weights and batches of every trial follow from it and the trial's position.
        beat: a sign of life, called once an epoch, and within one that takes long.
        costs: what is weighed against the metric, keys of `hpo.study.objectives.COSTS`; the study has a direction
            for each: `hpo.study.objectives.directions`.
        on_trained: given each trial that came to a value, with its trained model.
        checkpoints: makes those of a trial, from which its trainings go on, given what tells it from other trials.

    Raises:
        UsageError: there is no such definition, space or fidelity.
        DefinitionError: the definition cannot be loaded.

    """
    found = registry.load(definition)
    names = rungs or (found.fidelities[0].name if fidelity is None else fidelity,)
    return Objective(
        found,
        found.space(space),
        [found.fidelity(name) for name in names],
        seed=seed,
        beat=beat,
        costs=costs,
        on_trained=on_trained,
        checkpoints=checkpoints,
    )


class Objective:
    """Trains and judges the configuration a trial draws.

    Returns the validation metric after the last epoch, the mean over folds where there are folds. Reports it after
    each epoch, or each few of a long training, and asks whether to prune, except after the last; of one below the
    highest fidelity that no pruner judges after the last alone, and only what is reported is scored. Where early
    stopping restores the best epoch, it is that epoch's metric which is reported and returned; a trial that was stopped
    reports it for each step that is left, so that others meet a whole curve, and is not pruned any more: its work is
    done.

    A configuration that cannot be trained, or whose training leaves the finite numbers, is pruned with a reason and
    told to Optuna as a violated constraint.

    User attributes of a trial: seed, reason, train, epochs, compile_seconds, fit_seconds; trained_by where Keras's own
    fit did; resumed, the epochs that were trained by an attempt before, where it left checkpoints; probes where the
    definition asks for them; each cost by its name.
    """

    def __init__(
        self,
        definition: StudyDefinition,
        space: Space,
        fidelities: Sequence[Fidelity],
        *,
        seed: int,
        beat: Callable[[], None] | None = None,
        costs: Sequence[str] = (),
        on_trained: Callable[[BaseTrial, Evaluation], None] | None = None,
        checkpoints: MakeCheckpoints = no_checkpoints,
    ) -> None:
        self.definition = definition
        self.space = space
        self.fidelities = tuple(fidelities)  # of each rung, the lowest first
        self.seed = seed  # the study's
        self._beat = beat
        self._costs = tuple(costs)  # what is weighed against the metric
        self._on_trained = on_trained or (lambda *_: None)
        self._checkpoints = checkpoints
        # The splits that all trials of a fidelity share, where they do; apart from them, those that confirm.
        self._common: dict[tuple[str, bool], tuple[Split, ...]] = {}

    def prepare(self) -> str:
        """Load the data now rather than in the first trial; which rows they are, in a word. Raises DataError."""
        return preload(self.definition)

    def cost(self, params: Params) -> float | None:
        """Operations of a trial of `params` on the first rung, known without it; None where they are not.

        They are not of a model whose layers are not all of it or that cannot be built; of what is infeasible they are
        infinite.
        """
        try:
            if self.definition.why_infeasible(params) is not None:
                return math.inf
            splits = self._splits(self.fidelities[0], 0, common=True)  # only the numbers of their rows count
            with redirect_stdout(StringIO()), redirect_stderr(StringIO()):  # nobody waits for what it says of a draw
                return foretold(self.definition, params, splits, epochs=self.fidelities[0].epochs)
        except Exception:  # of the definition's code: the trial itself will meet it, and say so
            return None

    def __call__(self, trial: BaseTrial) -> float | tuple[float, ...]:
        """The value of one trial; with costs, that and theirs.

        Raises TrialPruned, and whatever the definition's own code raises.
        """
        params = suggest(self.space, trial)
        attributes = _attributes(trial)
        rung = rung_of(attributes)
        fidelity = self.fidelities[rung]
        seed = trial_seed(self.seed, position(attributes, trial.number), rung)
        trial.set_user_attr("seed", seed)
        reason = self.definition.why_infeasible(params)
        if reason is not None:
            reject(trial, f"infeasible: {reason}")
        by_fold = not rung and _by_fold(trial)
        # Below the highest fidelity the last value is what counts. To score the validation rows after each epoch, where
        # nothing judges the trial by it, takes a good part of a short training.
        below = fidelity.name != self.fidelities[-1].name
        once = below and (rung > 0 or isinstance(_pruner(trial), NopPruner))
        work = Evaluation(
            self.definition,
            params,
            self._splits(fidelity, seed, common=by_fold, confirms=self._confirms(rung)),
            epochs=fidelity.epochs,
            seed=seed,
            beat=self._beat,
            checkpoints=self._checkpoints(
                {"params": params, "fidelity": fidelity.name, "by fold": by_fold, "once": once}
            ),
        )
        try:
            try:
                self._train(trial, work, fidelity.epochs, by_fold, once)
            finally:
                note_probes(trial, work.probes)
        except TrialPruned:
            note_work(trial, work)
            raise
        except TrialError as error:
            note_work(trial, work)
            reject(trial, str(error))
        note_work(trial, work)
        values = (work.value, *self._weigh(trial, work)) if self._costs else work.value
        self._on_trained(trial, work)
        return values

    def _weigh(self, trial: BaseTrial, work: Evaluation) -> tuple[float, ...]:
        """What the trained model costs, noted with the trial by name."""
        found = costs(work.model(), self._costs)
        for name, cost in zip(self._costs, found, strict=True):
            trial.set_user_attr(name, cost)
        return found

    def _train(self, trial: BaseTrial, work: Evaluation, epochs: int, by_fold: bool, once: bool) -> None:
        steps, unit = (work.folds, "fold") if by_fold else (epochs, "epoch")
        reports = 1 if once else REPORTS if work.folds == 1 else FOLDED_REPORTS
        block = 1 if by_fold else -(-steps // reports)
        prunable = len(getattr(getattr(trial, "study", None), "directions", ())) < 2  # Optuna prunes no other
        for number, value in enumerate(work.by_fold() if by_fold else work.in_step(block), start=1):
            if not prunable:
                continue
            step = min(number * block, steps)
            trial.report(value, step)
            if step < steps and not work.stopped and trial.should_prune():
                reason = f"pruned after {unit} {step} of {steps} at {self.definition.metric} {value:.6g}"
                trial.set_user_attr("reason", reason)
                raise TrialPruned(reason)

    def _confirms(self, rung: int) -> bool:
        """Whether a rung trains again what the one below it found best."""
        return rung > 0 and self.fidelities[rung].name == self.fidelities[rung - 1].name

    def _splits(self, fidelity: Fidelity, seed: int, *, common: bool, confirms: bool = False) -> tuple[Split, ...]:
        """The rows of one trial: the study's holdout, the study's folds where they are `common`, or its own folds.

        What is confirmed has a holdout of its own, the same for all that are: what was chosen by some rows is partly
        what suits these.
        """
        if not common and self.definition.evaluation.redrawn:
            return self._cut(fidelity, derive(seed, "folds"))
        key = fidelity.name, confirms
        if key not in self._common:
            shared = split_seed(self.seed)
            self._common[key] = self._cut(fidelity, derive(shared, "confirmation") if confirms else shared)
        return self._common[key]

    def _cut(self, fidelity: Fidelity, seed: int) -> tuple[Split, ...]:
        return splits(self.definition, fidelity, seed=seed)


def _attributes(trial: BaseTrial) -> Mapping[str, Any]:
    return trial.storage.get_trial_system_attrs(trial_id(trial)) if isinstance(trial, Trial) else {}


def _by_fold(trial: BaseTrial) -> bool:
    """Whether the study's pruner compares trials fold by fold."""
    pruner = _pruner(trial)
    return isinstance(pruner, WilcoxonPruner) or bool(getattr(pruner, "by_fold", False))


def _pruner(trial: BaseTrial) -> Any:
    """That of its study; None: it is in none."""
    return getattr(getattr(trial, "study", None), "pruner", None)
