"""One configuration, trained and judged on validation rows: one training for a holdout, one a fold for a k-fold."""

import time
from collections.abc import Callable, Iterator, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from hpo.data import Rows
from hpo.search.row_splits import Split
from hpo.search.seeds import fold_seed
from hpo.search.trainings import probe_network, recipe
from hpo.study import Params, StudyDefinition

if TYPE_CHECKING:
    import keras

    from hpo.training import Checkpoints, Epoch, Recipe, Run
    from hpo.training.probes import Probe

__all__ = ["Evaluation"]


class Evaluation:
    """The trainings of one configuration on `splits`, to be stepped by whoever reports and prunes."""

    def __init__(
        self,
        definition: StudyDefinition,
        params: Params,
        splits: Sequence[Split],
        *,
        epochs: int,
        seed: int,  # of the trial
        beat: Callable[[], None] | None = None,  # a sign of life: after each epoch, and within
        checkpoints: "Checkpoints | None" = None,  # of these trainings; from them they go on
    ) -> None:
        self._definition = definition
        self.params = params
        self._splits = splits
        self._epochs = epochs
        self._seed = seed
        self._beat = beat or (lambda: None)
        self._checkpoints = checkpoints
        self._recipe: Recipe  # of the first training, once it has begun, where there are looks
        self._runs: list[Run] = []  # those begun, in the order of the splits
        self._train: list[float] = []  # of each, the metric on its training rows in its outcome
        self.values: list[float] = []  # of each, the metric on its validation rows in its outcome
        self.history: list[Epoch] = []  # of the first training, an epoch each
        self.probes: list[Probe] = []  # looks into the first training's network: before its first epoch, and after it
        self.probe_seconds = 0.0  # they took
        self.step = 0  # epochs every training begun has completed, or would have, had it not been stopped early

    @property
    def folds(self) -> int:
        """Trainings there are to be."""
        return len(self._splits)

    @property
    def value(self) -> float:
        """Mean of the metric over the trainings begun, on validation rows, in their outcomes.

        A training's outcome is its latest epoch, or its best one so far where early stopping restores that.
        """
        return fmean(self.values)

    @property
    def epochs(self) -> int:
        """Trained: as many as `step`, or fewer where early stopping ended all trainings before."""
        return min(self.step, max((run.epochs_done for run in self._runs), default=0))

    @property
    def stopped(self) -> bool:
        """Whether early stopping has ended every training: what is still reported is what they ended with."""
        return len(self.values) == len(self._splits) and all(run.stopped for run in self._runs)

    @property
    def train(self) -> float | None:
        """The same on training rows, as seen while training; None before the first epoch is over."""
        return fmean(self._train) if self._train else None

    @property
    def compile_seconds(self) -> float:
        """Spent compiling, all trainings together."""
        return sum(run.compile_seconds for run in self._runs)

    @property
    def fit_seconds(self) -> float:
        """Spent training and validating, all trainings together."""
        return sum(run.fit_seconds for run in self._runs)

    @property
    def why_fit(self) -> str | None:
        """Why Keras's own fit trains them; None: the compiled loop does, or none has begun."""
        return self._runs[0].why_fit if self._runs else None

    @property
    def resumed(self) -> int:
        """Epochs, of all trainings together, that checkpoints of an attempt before knew."""
        return sum(run.resumed for run in self._runs)

    def model(self) -> "keras.Model":
        """The model of the first training as it is; all trainings have the same layers."""
        return self._runs[0].model()

    def in_step(self, block: int) -> Iterator[float]:
        """Train all splits side by side, `block` epochs of each in turn; yields the mean after each turn.

        There are as many turns whether or not early stopping ends a training: one that is over stands with its outcome.

        Raises:
            Diverged: training left the finite numbers.

        """
        for number in range(len(self._splits)):
            self._begin(number)
        for first in range(0, self._epochs, block):
            last = min(first + block, self._epochs)
            for number in range(len(self._splits)):
                for epoch in range(first, last):
                    self._epoch(number, scored=epoch == last - 1)
            self.step = last
            yield self.value

    def by_fold(self) -> Iterator[float]:
        """Train one split after the other; yields the last value of each. Raises Diverged."""
        for number in range(len(self._splits)):
            self._begin(number)
            for epoch in range(self._epochs):
                self._epoch(number, scored=epoch == self._epochs - 1)
            self.step = self._epochs
            yield self.values[number]

    def _begin(self, number: int) -> None:
        from hpo.training import Run

        seed = fold_seed(self._seed, number + 1)
        split = self._splits[number]
        made = recipe(self._definition, self.params, split.inputs, seed=seed)
        run = Run(
            made,
            split.train,
            split.validation,
            epochs=self._epochs,
            metric=self._definition.scored_by,
            weighted=self._definition.weighted,
            seed=seed,
            full=split.full,
            checkpoints=self._checkpoints,
        )
        self._runs.append(run)
        if number == 0 and self._definition.probe_rows:
            self._recipe = made
            self._probe()

    def _epoch(self, number: int, *, scored: bool) -> None:
        run = self._runs[number]
        if run.stopped:
            return
        epoch = run.epoch(self._beat, scored=scored)
        if number == 0:
            self.history.append(epoch)
        if number == 0 and run.epochs_done == 1 and self._definition.probe_rows:
            self._probe()
        self._beat()
        outcome = run.outcome
        assert outcome is not None  # an epoch is over
        if outcome.validation is None:  # between two that are scored
            return
        # The first epoch of a training appends, every later one replaces.
        self.values[number : number + 1] = [outcome.validation]
        self._train[number : number + 1] = [outcome.train]

    def _probe(self) -> None:
        """Look into the first training's network as it is."""
        start = time.perf_counter()
        train = self._splits[0].train
        assert isinstance(train, Rows)  # streams have no probe rows
        self.probes.append(probe_network(self._runs[0], self._recipe, train, self._definition.probe_rows))
        self.probe_seconds += time.perf_counter() - start
