"""A job: one configuration to train with one seed on rows the job names, and the Optuna callable that does so.

It is what a slot of a measurement carries: the trial of that slot trains and scores it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from optuna.trial import BaseTrial, Trial

from hpo.data import Rows
from hpo.errors import TrialError, UsageError
from hpo.optuna_internals import JOB, trial_id
from hpo.search.measurement import measure
from hpo.search.objective import FOLDED_REPORTS, REPORTS
from hpo.search.row_splits import preload, redraw, splits
from hpo.search.seeds import split_seed
from hpo.search.suggest import digest, suggest
from hpo.search.trainings import MakeCheckpoints, no_checkpoints, note_probes, note_work, reject
from hpo.search.trial_evaluation import Evaluation
from hpo.study import Fidelity, Params, Space, StudyDefinition, registry

if TYPE_CHECKING:
    from hpo.training import Checkpoints, Epoch
    from hpo.training.probes import Probe

__all__ = [
    "Job",
    "Measuring",
    "RowsKind",
    "measuring",
    "predicted",
]

RowsKind = Literal["development", "share", "resampled", "validation", "own"]
"""Which rows a job trains on and is scored on, all drawn by the job's seed:

development  trained on all development rows, or the training stream, scored on the test data: as the report did
share        trained on a new 90 % of the development rows, scored on the test rows
resampled    train and test rows drawn anew from all rows, as many test rows as there are
validation   the holdout or the folds of a search, at its fidelity: no test row is seen
own          what an objective of somebody's own does with the seed
"""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One training to do. Two jobs with one seed and the same rows differ in their configuration alone: a pair.

    Raises:
        UsageError: `rows` is none of `RowsKind`, or the seed is no whole number from 0 to 2^32 - 1.

    """

    rows: RowsKind
    params: Params  # the whole configuration, in the words of the study's space
    seed: int  # of the rows, the weights and the batches
    note: str = ""  # for a person: "layers 3/6, repeat 2"; says nothing of what is done
    keep: bool = False  # keep what the trained model says of each test row

    def __post_init__(self) -> None:
        if self.rows not in get_args(RowsKind):
            raise UsageError(f"a job's rows are one of {', '.join(get_args(RowsKind))}, not {self.rows!r}")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed < 2**32:
            raise UsageError(f"a job's seed must be a whole number from 0 to {2**32 - 1:,}, not {self.seed!r}")
        if self.keep and self.rows in ("validation", "own"):
            raise UsageError(f"a job on {self.rows} rows sees no test row, so it can keep no predictions of one")

    @property
    def key(self) -> str:
        """What is trained, as 64 hexadecimal digits, the same in every process; neither note nor keep counts."""
        return digest({"rows": self.rows, "seed": self.seed, "params": digest(self.params)})

    def to_payload(self) -> dict[str, Any]:
        """What a slot keeps of it, as JSON knows it."""
        job = {"rows": self.rows, "seed": self.seed, "note": self.note, "keep": self.keep}
        return {"params": dict(self.params), "job": job}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> "Job":
        """The job of a slot. Raises KeyError where the slot has none."""
        return cls(params=dict(payload["params"]), **payload["job"])


def measuring(
    definition: str | StudyDefinition,
    *,
    space: str | None = None,
    fidelity: str | None = None,
    beat: Callable[[], None] | None = None,
    checkpoints: MakeCheckpoints = no_checkpoints,
) -> "Measuring":
    """What measures the jobs of a study's trials.

    Args:
        definition: as `objective` takes it.
        space: a name of one of its spaces, in whose words the configurations are; None: its first.
        fidelity: a name of one of its fidelities; None: its last. Its rows and folds count for validation jobs alone,
            its epochs, and its steps of streams, for all.
        beat: a sign of life, called once an epoch, and within one that takes long.
        checkpoints: makes those of a trial, as `objective` takes it.

    Raises:
        UsageError: there is no such definition, space or fidelity.
        DefinitionError: the definition cannot be loaded.

    """
    found = registry.load(definition)
    chosen = found.fidelity(fidelity) if fidelity is not None else found.fidelities[-1]
    return Measuring(found, found.space(space), chosen, beat=beat, checkpoints=checkpoints)


class Measuring:
    """Trains the job a trial carries in its system attribute `JOB`, its configuration given as fixed parameters.

    Returns the metric on the test rows, or for a validation job its mean over the validation rows of the splits. What
    is reported on the way is the validation metric, or else the metric as seen while training, `REPORTS` times at most.
    Nothing is pruned but what cannot be trained or leaves the finite numbers.

    User attributes of a trial: seed, rows, note, reason, train, epochs, resumed (as in a search), compile_seconds,
    fit_seconds; trained_by where Keras's own fit did; train_curve of a validation job; predictions where the job keeps
    them; probes of a job on all development rows, where the definition asks for them.
    """

    def __init__(
        self,
        definition: StudyDefinition,
        space: Space,
        fidelity: Fidelity,
        *,
        beat: Callable[[], None] | None = None,
        checkpoints: MakeCheckpoints = no_checkpoints,
    ) -> None:
        self.definition = definition
        self.space = space
        self.fidelity = fidelity
        self._beat = beat or (lambda: None)
        self._checkpoints = checkpoints

    def prepare(self) -> str:
        """Load the data now rather than in the first trial; which rows they are, in a word. Raises DataError."""
        return preload(self.definition)

    def __call__(self, trial: BaseTrial) -> float:
        """The value of one trial.

        Raises:
            TrialPruned: the configuration cannot be trained, or its training left the finite numbers.
            UsageError: the trial carries no job.

        """
        params = suggest(self.space, trial)
        job = Job(params=params, **_job(trial))
        for name, value in (("seed", job.seed), ("rows", job.rows), ("note", job.note)):
            if value != "":
                trial.set_user_attr(name, value)
        reason = self.definition.why_infeasible(params)
        if reason is not None:
            reject(trial, f"infeasible: {reason}")
        return self._validate(trial, job) if job.rows == "validation" else self._test(trial, job)

    def _validate(self, trial: BaseTrial, job: Job) -> float:
        """As a search evaluates a configuration, on splits that are the seed's own."""
        parts = splits(self.definition, self.fidelity, seed=split_seed(job.seed))
        epochs = self.fidelity.epochs
        work = Evaluation(
            self.definition,
            job.params,
            parts,
            epochs=epochs,
            seed=job.seed,
            beat=self._beat,
            checkpoints=self._begun(job),
        )
        block = -(-epochs // (REPORTS if work.folds == 1 else FOLDED_REPORTS))
        curve: list[tuple[int, float]] = []
        try:
            for value in work.in_step(block):
                trial.report(value, work.step)
                assert work.train is not None  # an epoch is over
                curve.append((work.step, work.train))
        except TrialError as error:
            note_work(trial, work)
            reject(trial, str(error))
        trial.set_user_attr("train_curve", curve)
        note_work(trial, work)
        return work.value

    def _test(self, trial: BaseTrial, job: Job) -> float:
        assert job.rows != "validation"
        assert job.rows != "own"
        rows = None if job.rows == "development" else redraw(self.definition, job.rows, seed=job.seed)
        work = _Watched(trial, self.fidelity.epochs, self._beat)
        try:
            done = measure(
                self.definition,
                job.params,
                fidelity=self.fidelity,
                seed=job.seed,
                rows=rows,
                on_epoch=work.on_epoch,
                beat=self._beat,
                on_probe=work.probes.append if job.rows == "development" else None,
                checkpoints=self._begun(job),
            )
        except TrialError as error:
            note_probes(trial, work.probes)
            note_work(trial, work)
            reject(trial, str(error))
        note_probes(trial, work.probes)
        note_work(trial, done)
        test = done.rows[1]
        if job.keep and isinstance(test, Rows) and test.of_one_array:
            trial.set_user_attr("predictions", predicted(done.run.predict(test.x), test.y, self.definition.metric))
        return done.test

    def _begun(self, job: Job) -> "Checkpoints | None":
        return self._checkpoints({"params": job.params, "fidelity": self.fidelity.name, "rows": job.rows})


class _Watched:
    """A training as seen from outside: reported on the way, and what there is to note where it broke off."""

    def __init__(self, trial: BaseTrial, epochs: int, beat: Callable[[], None]) -> None:
        self._trial = trial
        self._total = epochs
        self._block = -(-epochs // REPORTS)
        self._beat = beat
        self.probes: list[Probe] = []
        self.train: float | None = None
        self.epochs = 0
        self.compile_seconds = 0.0  # not known before the end
        self.resumed = 0  # likewise
        self.fit_seconds = 0.0
        self.why_fit: str | None = None  # likewise

    def on_epoch(self, epoch: "Epoch") -> None:
        """Pass the training score of an epoch on to the trial, and a sign of life to the worker."""
        self._beat()
        self.train = epoch.train
        self.epochs = epoch.number
        self.fit_seconds += epoch.seconds
        if epoch.number % self._block == 0 or epoch.number == self._total:
            self._trial.report(epoch.train, epoch.number)


def predicted(outputs: NDArray[np.generic], y: NDArray[np.generic], metric: str) -> dict[str, Sequence[Any]]:
    """What a trained model says of some rows: {"labels": class numbers} for classes, else {"values": numbers}.

    Args:
        outputs: (rows, outputs) of the model.
        y: (rows,) or (rows, outputs) targets; they tell classes, numbered or one-hot, from numbers.
        metric: tells whether a single output is a probability: that of an accuracy is.

    Returns:
        (rows,) whole numbers or floats; a list of floats a row where a model gives several numbers.

    """
    outputs = np.asarray(outputs, dtype=np.float64).reshape(len(outputs), -1)
    columns = outputs.shape[1]
    if columns == 1 and (metric == "acc" or metric.endswith("accuracy")):
        return {"labels": (outputs[:, 0] > 0.5).astype(int).tolist()}
    if columns > 1 and _are_classes(y, columns):
        return {"labels": outputs.argmax(axis=1).tolist()}
    return {"values": (outputs[:, 0] if columns == 1 else outputs).tolist()}


def _are_classes(y: NDArray[np.generic], columns: int) -> bool:
    if y.ndim == 1 or y.shape[1:] == (1,):
        return bool(np.issubdtype(y.dtype, np.integer) or np.array_equal(y, np.round(np.asarray(y, dtype=np.float64))))
    hot = np.asarray(y, dtype=np.float64)
    return hot.shape[1] == columns and bool(np.isin(hot, (0.0, 1.0)).all() and (hot.sum(axis=1) == 1.0).all())


def _job(trial: BaseTrial) -> Mapping[str, Any]:
    if isinstance(trial, Trial):
        attributes = trial.storage.get_trial_system_attrs(trial_id(trial))
    else:
        attributes = getattr(trial, "system_attrs", {})
    if JOB not in attributes:
        raise UsageError("the trial carries no job, so there is nothing to measure")
    found: Mapping[str, Any] = attributes[JOB]
    return found
