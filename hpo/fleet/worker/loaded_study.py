"""A study as a worker has it at hand: its record, its objective, Optuna's study with sampler and pruner."""

import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hpo.errors import DefinitionError, HpoError, StudyError
from hpo.fleet.worker import checkpoint_keeper
from hpo.fleet.worker.checkpoint_keeper import CheckpointKeeper
from hpo.fleet.worker.model_keeper import ModelKeeper
from hpo.fleet.worker.presence import Watcher
from hpo.optuna_internals import GENERATION, study_id
from hpo.settings import KEPT_MODELS, trial_window
from hpo.storage import Storage, studies
from hpo.storage.slots.dispatch import Offer
from hpo.storage.slots.recovery import recover
from hpo.storage.slots.slot import Slot
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyRecord
from hpo.study import StudyDefinition
from hpo.study.local_imports import StaleProcessError
from hpo.study.plain_objective import PlainObjective

if TYPE_CHECKING:
    import optuna

    from hpo.search import Measuring
    from hpo.search import Objective as SearchObjective
    from hpo.search.cost_weighing import Cost
    from hpo.study.searchable import Searchable

__all__ = ["Beat", "LoadedStudy", "MakeObjective", "Objective", "StudyCache"]

_MOST = 3  # studies kept at hand; each holds its data set, and Optuna's memory of its trials

Beat = Callable[[], None]
Objective = Callable[["optuna.Trial"], float | Sequence[float]]
MakeObjective = Callable[[Beat], Objective]
"""Makes the objective, given what it calls once in a while as a sign of life."""

Reserve = Callable[[int, str], bool]
"""Whether a configuration, by its digest, is free for the trial of that id; see `hpo.search.make_sampler`."""


class LoadedStudy:
    """One study, ready to be served."""

    def __init__(
        self,
        storage: Storage,
        record: StudyRecord,
        objective: Objective,
        *,
        reserve: Reserve,
        beat: Beat,
        keeper: ModelKeeper | None = None,
        checkpoints: CheckpointKeeper | None = None,
    ) -> None:
        self.record = record
        self.objective = objective
        self.keeper = keeper  # of models; None: none is kept
        self.checkpoints = checkpoints  # of its trials; None: there are none
        self._storage = storage
        self._reserve = reserve
        self._beat = beat
        self._study: optuna.Study | None = None

    def study(self, slot: Slot) -> "optuna.Study":
        """Optuna's study with this worker's sampler and pruner; `slot` is the one in hand. Raises StudyError."""
        if self._study is None:
            record = self.record
            study = studies.load(self._storage.patient, record.name)
            if self._storage.loaded[record.name] != record.id:
                raise StudyError(f"study {record.name!r} was deleted and made anew meanwhile: run the command again")
            study.sampler, study.pruner = self._through_window(study, *self._search(slot))
            self._study = study
        return self._study

    def _through_window(
        self, study: "optuna.Study", sampler: "optuna.samplers.BaseSampler", pruner: "optuna.pruners.BasePruner"
    ) -> "tuple[optuna.samplers.BaseSampler, optuna.pruners.BasePruner]":
        """The same, shown only so many trials as are allowed; an objective that asks the study is told all."""
        from optuna.pruners import NopPruner

        from hpo.search import Window, WindowedPruner, WindowedSampler
        from hpo.storage.windowed_storage import SharedWindow, view

        record, most = self.record, trial_window()
        if record.kind != "search" or most is None:
            return sampler, pruner
        window = Window(trials=most, generations=GENERATION.get(record.sampler))
        shared = SharedWindow(self._storage, study_id(study), window)
        whole, recent = (view(self._storage, record.name, shared, recent=only) for only in (False, True))
        judges = not isinstance(pruner, NopPruner)
        return WindowedSampler(sampler, whole), WindowedPruner(pruner, recent) if judges else pruner

    def _search(self, slot: Slot) -> "tuple[optuna.samplers.BaseSampler, optuna.pruners.BasePruner]":
        """The sampler and the pruner; jobs of a measurement say their whole configurations, so neither has a say."""
        from optuna.pruners import NopPruner
        from optuna.samplers import RandomSampler

        from hpo.search import AlivePruner, make_pruner, make_sampler

        record = self.record
        if record.kind != "search":
            return RandomSampler(), NopPruner()
        definition = studies.searched(record)
        space = definition.space(record.space)
        # Named after the first slot it takes, so that workers differ, a restarted one differs from what it was,
        # and the search of a single worker comes out the same each time.
        worker = f"{slot.position}:{slot.attempt}" + (f":{slot.rung}" if slot.rung else "")
        sampler = make_sampler(
            record.sampler,
            space=space,
            seed=record.seed,
            worker=worker,
            claim=self._reserve,
            cost=self._cost(),
            free=None if trial_window() is None else partial(Slots(self._storage.patient).free, record.name),
        )
        pruner = make_pruner(record.pruner, definition=definition, fidelity=record.fidelities[0])
        return sampler, AlivePruner(pruner, self._beat) if isinstance(definition, PlainObjective) else pruner

    def _cost(self) -> "Cost | None":
        """What a configuration costs, where the sampler is to weigh it: a front is wanted with its dear end."""
        from hpo.search import Objective as SearchObjective

        made = self.objective
        if isinstance(made, SearchObjective) and made.definition.weigh_costs and not self.record.costs:
            return made.cost
        return None


class StudyCache:
    """The studies served last, kept ready: another one costs loading its definition and its data."""

    def __init__(
        self,
        storage: Storage,
        make_objective: MakeObjective | None,
        *,
        beat: Beat,
        reserve: Reserve,
        max_attempts: int,
        watcher: Watcher,
        keep_models: Path | None = None,
        keep_best: int = KEPT_MODELS,
    ) -> None:
        self._storage = storage
        self._make_objective = make_objective  # None: the objective of the study's definition
        self._beat = beat
        self._reserve = reserve
        self._max_attempts = max_attempts
        self._watcher = watcher
        self._keep_models = keep_models  # folder; None: they are not kept
        self._keep_best = keep_best  # configurations
        self._kept: OrderedDict[str, LoadedStudy] = OrderedDict()

    def get(self, offer: Offer) -> LoadedStudy:
        """The study that is offered, ready to be served.

        Raises:
            StaleProcessError: this process had better be replaced by a fresh one, which would load what is asked for.
            DefinitionError: the definition or TensorFlow cannot be loaded, or it is another one than the study's.
            DataError: the data cannot be had, no network can be trained on them, or they are not those of the study.
            StudyError: the study was deleted, or made anew.
            StorageError: the database failed.

        """
        kept = self._kept.get(offer.study)
        if kept is not None and (kept.record.id, kept.record.version) == (offer.study_id, offer.version):
            self._kept.move_to_end(offer.study)
            return kept
        self.drop(offer.study)
        self._watcher.loading(offer.study)
        recover(self._storage.patient, offer.study, max_attempts=self._max_attempts)
        record = studies.get(self._storage.patient, offer.study)
        keeper = None
        if self._keep_models is not None and record.kind == "search" and not record.by_objective:
            keeper = ModelKeeper(self._storage.patient, record, self._keep_models, most=self._keep_best)
        checkpoints = self._checkpoints(record)
        made = LoadedStudy(
            self._storage,
            record,
            self._objective(record, keeper, checkpoints),
            reserve=self._reserve,
            beat=self._beat,
            keeper=keeper,
            checkpoints=checkpoints,
        )
        self._kept[offer.study] = made
        while len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        self._watcher.loaded(offer.study)
        return made

    def drop(self, study: str) -> None:
        """Make the study ready anew when it is served next."""
        self._kept.pop(study, None)

    def close(self) -> None:
        """Nothing more is served: what somebody else settled needs no checkpoints any more."""
        for loaded in self._kept.values():
            if loaded.checkpoints is not None:
                loaded.checkpoints.sweep()

    def _checkpoints(self, record: StudyRecord) -> CheckpointKeeper | None:
        """Those of the study's trials, where hpo trains them."""
        if self._make_objective is not None or record.by_objective:
            return None
        made = checkpoint_keeper.keeper(self._storage.patient, record)
        if made is not None:
            made.sweep()
        return made

    def _objective(
        self, record: StudyRecord, keeper: ModelKeeper | None, checkpoints: CheckpointKeeper | None
    ) -> Objective:
        if self._make_objective is not None:
            return self._make_objective(self._beat)
        searched = studies.searched(record)
        _refuse_other(searched, record)
        if isinstance(searched, PlainObjective):
            from hpo.search import OwnObjective

            return OwnObjective(searched, seed=record.seed, beat=self._beat, claim=self._reserve)
        made, rows = _of_definition(record, self._beat, keeper, checkpoints)
        studies.agree_on_rows(self._storage.patient, record, rows)
        return made


def _refuse_other(definition: "Searchable", record: StudyRecord) -> None:
    """Refuse a definition that is not the one the study was asked for with.

    Raises:
        DefinitionError: it is another one.
        StaleProcessError: it is, but its files have changed since they were loaded here.

    """
    loaded = definition.version
    try:
        _compare(definition, record)
    except HpoError as error:
        if dataclasses.replace(cast("StudyDefinition", definition)).version != loaded:  # as its files read now
            raise StaleProcessError(f"{record.definition!r} has changed since it was loaded here") from error
        raise


def _compare(definition: "Searchable", record: StudyRecord) -> None:
    fingerprint = definition.space(record.space).fingerprint
    if fingerprint != record.fingerprint:
        raise DefinitionError(
            f"space {record.space!r} of {record.definition!r} is another one here (fingerprint {fingerprint}, the "
            f"study's is {record.fingerprint}): install the definition the study was made with"
        )
    if record.version not in (None, definition.version):
        raise DefinitionError(
            f"the definition {record.definition!r} is of another version here ({definition.version}, the study asks "
            f"for {record.version}): install that one, or submit the study again with this one"
        )


def _of_definition(
    record: StudyRecord, beat: Beat, keeper: ModelKeeper | None, checkpoints: CheckpointKeeper | None
) -> tuple[Objective, str]:
    """What the study does with its definition, and which rows its data are.

    TensorFlow and the data are loaded: a worker without them takes no slot. Raises DefinitionError and DataError.
    """
    from hpo.search import measuring, objective
    from hpo.search.trainings import no_checkpoints
    from hpo.training.runtime import load_keras

    begun = no_checkpoints if checkpoints is None else checkpoints.make
    made: Measuring | SearchObjective
    if record.kind == "search":
        made = objective(
            record.reference,
            space=record.space,
            rungs=record.fidelities,
            seed=record.seed,
            beat=beat,
            costs=record.costs,
            on_trained=None if keeper is None else keeper.trained,
            checkpoints=begun,
        )
    else:
        made = measuring(record.reference, space=record.space, fidelity=record.fidelity, beat=beat, checkpoints=begun)
    load_keras()
    return made, made.prepare()
