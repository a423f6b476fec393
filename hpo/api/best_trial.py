"""The best trial of a search, with the model that its configuration makes."""

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.study import Params
from hpo.study.checked_records import check

if TYPE_CHECKING:
    import keras

__all__ = ["Best"]


@dataclass(frozen=True, kw_only=True)
class Best:
    """The best complete trial of a search: of a front, the one with the best metric.

    Raises:
        DefinitionError: a field is not of its kind.

    """

    number: int | None  # the trial's; None where a crash kept it from being recorded
    value: float  # of the metric; the mean, where it was trained more than once at the highest fidelity
    params: Params  # the configuration
    trainings: int = 1  # so often
    metric: str  # what the value is called
    direction: str  # maximize or minimize
    baseline: float | None = None  # the hand-picked configuration's value in the same search; None: it has none
    values: tuple[float, ...] = ()  # of all objectives, the metric first; empty: the metric alone counts
    study: str  # name
    storage: str = field(repr=False)  # URL; may hold a password, so never print it
    reference: str = field(repr=False)  # of the definition

    def __post_init__(self) -> None:
        check(self, kind="best trial")

    def kept_model(self, folder: str | Path | None = None) -> "keras.Model":
        """The model as the search trained it: on its training rows, judged by the rest of the development rows.

        Args:
            folder: where models are kept; None: as `hpo optimize` has it where nobody says otherwise.

        Raises:
            HpoError: none was kept on this machine; the message says how to train one.
            StudyError: the study was deleted.
            StorageError: the database failed.

        """
        from tempfile import TemporaryDirectory

        from hpo import storage as storages
        from hpo.experiments.best_model import kept_model, write_model
        from hpo.settings import models_folder
        from hpo.storage.queries import study_results

        with closing(storages.open(self.storage)) as opened, TemporaryDirectory() as made:
            found = study_results.best(opened, self.study)
            root = models_folder(None if folder is None else str(folder), opened.where.path)
            output = Path(made) / "model.keras"
            write_model(opened, found, kept_model(opened, found, root), output)
            from hpo.training.runtime import load_keras

            load_keras()
            import keras

            loaded: keras.Model = keras.saving.load_model(output)
            return loaded

    def model(self, *, seed: int = 0, fidelity: str | None = None) -> "keras.Model":
        """The model: trained anew on all development rows, as `hpo train --config best` does.

        Args:
            seed: of the weights and the batches.
            fidelity: whose epochs; None: the definition's last.

        Raises:
            DefinitionError: the definition cannot be loaded, or is an Optuna objective, which builds no model for hpo.
            UsageError: there is no such fidelity.
            HpoError: training left the finite numbers.
            DataError: the data cannot be had, or are not those of the search.

        """
        from hpo.experiments.train_configuration import TrainRequest, plan_training, train

        trained: Any = train(
            plan_training(
                TrainRequest(
                    definition=self.reference,
                    config="best" if self.number is None else str(self.number),
                    study=self.study,
                    fidelity=fidelity,
                    seed=seed,
                    storage=self.storage,
                )
            )
        )
        return trained.measurement.run.model()
