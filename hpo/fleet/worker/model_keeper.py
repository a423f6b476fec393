"""Keeping the model of a trial that leads its search: written once the trial is settled, which it cannot harm."""

import errno
import json
import warnings
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.errors import HpoWarning, StorageError
from hpo.files import replacing
from hpo.messages import one_line
from hpo.storage import Storage, kept_models
from hpo.storage.slots.slot import Slot
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyRecord
from hpo.study.contained import contained

if TYPE_CHECKING:
    import keras
    from optuna.trial import BaseTrial

    from hpo.search.trial_evaluation import Evaluation

__all__ = ["LARGEST", "ModelKeeper"]

LARGEST = 1 << 30
"""Bytes of weights; a model with more is not kept."""


class ModelKeeper:
    """Keeps the models of one study's leading trials, as far as this worker trained them."""

    def __init__(self, storage: Storage, record: StudyRecord, root: Path, *, most: int) -> None:
        """Nothing is kept yet.

        Args:
            storage: where the study is.
            record: the study.
            root: folder of all models.
            most: of so many of the best configurations models are kept.

        """
        self._slots = Slots(storage)
        self._record = record
        self._root = root
        self._most = most
        self._trained: tuple[int, Evaluation] | None = None  # the last trial that came to its end, by Optuna's number
        self._said = False  # whether it was said that a model is not kept

    def trained(self, trial: "BaseTrial", work: "Evaluation") -> None:
        """A trial of the study came to a value; its model is still at hand."""
        self._trained = trial.number, work

    def keep(self, slot: Slot, number: int | None) -> None:
        """Write the model of the trial just settled as complete, if it leads; what fell behind is removed.

        Whatever goes wrong is told once.
        """
        trained, self._trained = self._trained, None
        if trained is None or trained[0] != number or not slot.highest:
            return
        try:
            self._keep(*trained)
        except StorageError:  # the next trial that leads sees to it
            return
        except Exception as error:
            full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            self._say("the disk is full" if full else one_line(error))

    def _keep(self, number: int, work: "Evaluation") -> None:
        kept = self._kept()
        if number in kept:
            same = [other for other in kept if kept[other] == kept[number] and other != number]
            if not any(kept_models.file_of(self._root, self._record, other).exists() for other in same):
                model = contained(work.model)
                weights = sum(int(weight.size) * weight.dtype.itemsize for weight in model.get_weights())
                if weights > LARGEST:
                    self._say(f"the weights of trial {number} are {weights:,} bytes, and at most {LARGEST:,} are kept")
                else:
                    self._write(model, number, work)
        kept_models.prune(self._root, self._record, self._kept)

    def _write(self, model: "keras.Model", number: int, work: "Evaluation") -> None:
        output = kept_models.file_of(self._root, self._record, number)
        output.parent.mkdir(parents=True, exist_ok=True)
        note = {
            "study": self._record.name,
            "trial": number,
            "metric": self._record.metric,
            "value": work.values[0],
            "folds": work.folds,
            "params": dict(work.params),
            "history": [asdict(epoch) for epoch in work.history],
        }
        with replacing(output) as path:
            contained(lambda: model.save(path))
            with zipfile.ZipFile(path, "a") as archive:
                archive.writestr(kept_models.NOTE, json.dumps(note))

    def _kept(self) -> dict[int, int]:
        """The trials whose models are kept now, as `kept_trials`; where nothing climbs, of few slots read."""
        name, direction = self._record.name, self._record.direction
        if self._record.rungs is not None:
            slots = self._slots.ranked(name)
        else:
            slots = [one.slot for one in self._slots.incumbents(name, direction, self._most)]
        return kept_models.kept_trials(slots, direction, self._most)

    def _say(self, why: str) -> None:
        if not self._said:
            self._said = True
            text = f"models of study {self._record.name!r} are not kept in {self._root}: {why}; the trials are unharmed"
            warnings.warn(text, HpoWarning, stacklevel=2)
