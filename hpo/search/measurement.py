"""One finished configuration: trained on all development rows and scored on the test rows no search has seen."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hpo.data import Dataset, Rows, Stream
from hpo.errors import UsageError
from hpo.search.evaluation_splits import watched
from hpo.search.row_splits import full_streams, labelled, load
from hpo.search.trainings import probe_network, recipe
from hpo.study import Fidelity, Params, StudyDefinition
from hpo.training import FullTraining

if TYPE_CHECKING:
    from hpo.training import Checkpoints, Epoch, Recipe, Run
    from hpo.training.probes import Probe

__all__ = ["Measurement", "measure"]


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What `hpo train` tells of one training."""

    params: Params  # the configuration
    seed: int  # of the weights and the batches
    epochs: int  # trained; fewer than the fidelity's where early stopping ended the training
    train: float  # the definition's metric on the labelled development rows, at the end of the training
    test: float  # the same on the test rows
    compile_seconds: float
    fit_seconds: float  # training alone
    rows: tuple[Rows | Stream, Rows | Stream] = field(repr=False, compare=False)
    # (train, test): what it was trained and scored on
    run: "Run" = field(repr=False, compare=False)  # the trained model: run.model(), run.predict(x)

    @property
    def why_fit(self) -> str | None:
        """Why Keras's own fit trained it; None: the compiled loop did."""
        return self.run.why_fit

    @property
    def resumed(self) -> int:
        """Epochs that a checkpoint knew, and that were not trained again."""
        return self.run.resumed

    def to_json(self) -> dict[str, object]:
        """What `hpo train --json` prints."""
        return {
            "params": dict(self.params),
            "seed": self.seed,
            "epochs": self.epochs,
            "train": self.train,
            "test": self.test,
            "compile_seconds": self.compile_seconds,
            "fit_seconds": self.fit_seconds,
            "trained_by": "the compiled loop" if self.why_fit is None else "Keras's fit",
        }


def measure(
    definition: StudyDefinition,
    params: Params,
    *,
    fidelity: Fidelity | str | None = None,
    seed: int = 0,
    rows: tuple[Rows, Rows] | None = None,
    on_recipe: "Callable[[Recipe], object] | None" = None,
    on_epoch: "Callable[[Epoch], None] | None" = None,
    beat: Callable[[], object] | None = None,
    on_probe: "Callable[[Probe], object] | None" = None,
    checkpoints: "Checkpoints | None" = None,
) -> Measurement:
    """Train a configuration for the epochs of a fidelity, on all development rows; score it on train and test.

    Of these rows a definition may give some labels only (`StudyDefinition.labels`), drawn by the seed. What a recipe
    holds out to watch is apart as the definition's evaluation keeps rows apart: whole groups, the latest rows. Of
    streams, the training stream is trained on, and stopping and schedules watch the validation stream.

    Args:
        definition: what is measured.
        params: a configuration; of any of the definition's spaces, or of none.
        fidelity: one of the definition's, or its name; None: its last. Of rows only its epochs count: with fewer than
            the most of the definition's, the training is the miniature of one with those. Of streams its steps count,
            too, and the training is the miniature of one at the highest, as in a search.
        seed: of the weights and the batches.
        rows: (train, test) to use instead of the development and the test rows.
        on_recipe: called with what is going to be trained, before it is; may raise to refuse it.
        on_epoch: called after each epoch.
        beat: a sign of life, called after each tenth of an epoch that takes long; may raise to stop.
        on_probe: called with each look into the network, before the first epoch and after it, where the definition asks
            for looks (`StudyDefinition.probe_rows`).
        checkpoints: from which the training goes on, and which it leaves; None: none.

    Raises:
        UsageError: the configuration cannot be trained, or there is no such fidelity.
        DataError: the data cannot be had.
        Diverged: training left the finite numbers.

    """
    from hpo.training import fit

    if not isinstance(fidelity, Fidelity):
        fidelity = definition.fidelity(fidelity) if fidelity else definition.fidelities[-1]
    reason = definition.why_infeasible(params)
    if reason is not None:
        raise UsageError(f"this configuration of {definition.name} cannot be trained: {reason}")
    train, validation, test = (rows[0], None, rows[1]) if rows else _all(definition, fidelity)
    made = recipe(definition, params, getattr(train, "x", None), seed=seed)
    if on_recipe is not None:
        on_recipe(made)
    train = labelled(definition, train, seed=seed)
    runs: list[Run] = []

    def see() -> None:
        if on_probe is not None and definition.probe_rows and isinstance(train, Rows):
            on_probe(probe_network(runs[0], made, train, definition.probe_rows))

    def begun(run: "Run") -> None:
        runs.append(run)
        see()

    def trained(epoch: "Epoch") -> None:
        if epoch.number == 1:
            see()
        if on_epoch is not None:
            on_epoch(epoch)

    run = fit(
        made,
        train,
        validation,
        epochs=fidelity.epochs,
        metric=definition.scored_by,
        weighted=definition.weighted,
        seed=seed,
        on_run=begun,
        on_epoch=trained,
        beat=beat,
        full=_full(definition, fidelity, train),
        hold_out=functools.partial(watched, definition.evaluation),
        checkpoints=checkpoints,
    )
    return Measurement(
        params=params,
        seed=seed,
        epochs=run.epochs_done,
        train=run.evaluate(train),
        test=run.evaluate(test),
        compile_seconds=run.compile_seconds,
        fit_seconds=run.fit_seconds,
        rows=(train, test),
        run=run,
    )


def _all(definition: StudyDefinition, fidelity: Fidelity) -> tuple[Rows | Stream, Stream | None, Rows | Stream]:
    """What to train on, what to watch meanwhile, what to score on."""
    data = load(definition)
    if isinstance(data, Dataset):
        return data.development, None, data.test
    return data.training.first(fidelity.steps), data.judged("validation"), data.judged("test")


def _full(definition: StudyDefinition, fidelity: Fidelity, train: Rows | Stream) -> FullTraining | None:
    """What the training is a miniature of."""
    if isinstance(train, Stream):
        return full_streams(definition, fidelity)
    most = max(one.epochs for one in definition.fidelities)
    return FullTraining(epochs=most, rows=len(train)) if fidelity.epochs < most else None
