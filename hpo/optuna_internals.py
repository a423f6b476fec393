"""All that hpo asks of Optuna beside its public interface: when a new Optuna changes it, this is where to look.

tests/integration/test_optuna_contract.py says of each what would break. Optuna is imported when it is asked: that takes
half a second, which `hpo status` does not need.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    import numpy as np
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage, RDBStorage
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial
    from sqlalchemy import Connection, Engine, MetaData, Table

__all__ = [
    "ATTEMPT",
    "CONSTRAINT",
    "COST_LOOKS",
    "FIXED_PARAMS",
    "FROM",
    "GENERATION",
    "JOB",
    "METRIC_NAMES",
    "NOTE",
    "PARENTS",
    "POSITION",
    "RUNG",
    "RUNG_COMPLETE",
    "SLOT",
    "USUAL_COST",
    "Tables",
    "constraints",
    "contains",
    "forget_trials_at_hand",
    "fronts",
    "library_version",
    "make_tables",
    "metadata",
    "one_trial_each",
    "reported_value",
    "revisions",
    "storage_of",
    "storage_over",
    "storage_within",
    "study_id",
    "tables",
    "trial_id",
    "trials_at_hand",
    "value_of_objective",
]

Storage = TypeVar("Storage", bound="RDBStorage")

# Names of system attributes. Optuna's:

CONSTRAINT = "constraints"
"""Of a trial, with a colon and a name: a constraint's value, which is broken where it is above 0."""

FIXED_PARAMS = "fixed_params"
"""Of a trial: the parameters it takes instead of drawing them."""

GENERATION: Mapping[str, str] = {"cmaes": "cma:generation", "nsga2": "NSGAIISampler:generation"}
"""Of a trial that one of these samplers drew, which go by generations: the number of its own."""

PARENTS = "NSGAIISampler:parent:"
"""Of a study, followed by the number of a generation: the ids of the trials from which nsga2 breeds it."""

METRIC_NAMES = "study:metric_names"
"""Of a study: what its values are called."""

# And ours:

SLOT, ATTEMPT, POSITION = "hpo:slot", "hpo:attempt", "hpo:position"
"""Of a trial: the id of its slot, the attempt at it, and the slot's position in the study's budget."""

FROM = "hpo:from"
"""Of a trial that an earlier study found: that one's name. It fills no slot, and only samplers see it."""

RUNG = "hpo:rung"
"""Of a trial of a search that climbs, above the first rung: which rung, from 1."""

RUNG_COMPLETE = "hpo:complete"
"""Of a trial on a lower rung that is complete, though pruned to Optuna."""

JOB = "hpo:job"
"""Of a measurement's trial: which rows and seed it has."""

NOTE = "hpo:note"
"""Of a study whose note in optuna-dashboard had our part at some time."""

USUAL_COST = "hpo:usual_cost"
"""Of a study that weighs costs: the operations of a trial at the median of its space; None: they are not known."""

COST_LOOKS = "hpo:cost_looks"
"""Of such a study: each look taken for that median, by its number, and what it found; None: nothing, or not yet."""


# Studies and trials


def study_id(study: "Study") -> int:
    """The key of a study in the storage, which SQLite may give to another one after its deletion."""
    return study._study_id


def trial_id(trial: "Trial | FrozenTrial") -> int:
    """The key of a trial in the storage; its number counts within its study."""
    return trial._trial_id


def storage_of(study: "Study") -> "BaseStorage":
    """The storage a study was loaded from."""
    return study._storage


def trials_at_hand(study: "Study") -> "list[FrozenTrial]":
    """The study's trials as they were when this thread's trial began, which a sampler asked for is given too."""
    return study._get_trials(deepcopy=False, use_cache=True)


def forget_trials_at_hand(study: "Study") -> None:
    """Have the next of `trials_at_hand` read the storage, as `Study.ask` does."""
    study._thread_local.cached_all_trials = None


def one_trial_each(study: "Study") -> "Study":
    """The study as samplers see it, but of the trials with one configuration the one alone that came furthest.

    As TPE has it: what is finished before what is not, complete before pruned, and of those the later step; of equals
    the last one.
    """
    return cast("Study", _OneTrialEach(study))


class _OneTrialEach:
    """Stands for a study where Optuna's samplers ask for its trials; all else is the study's own."""

    def __init__(self, study: "Study") -> None:
        self._study = study

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def _get_trials(self, **wanted: Any) -> "list[FrozenTrial]":
        furthest: dict[frozenset[tuple[str, Any]], FrozenTrial] = {}
        for trial in self._study._get_trials(**wanted):
            key = frozenset(trial.params.items())
            if key not in furthest or _came(trial) >= _came(furthest[key]):
                furthest[key] = trial
        return sorted(furthest.values(), key=lambda trial: trial.number)


def _came(trial: "FrozenTrial") -> tuple[bool, float]:
    """How far a trial came: the more, the further."""
    complete = trial.state.name == "COMPLETE"
    return trial.state.is_finished(), math.inf if complete else trial.last_step or 0


def constraints(trial: "Trial") -> Mapping[str, float]:
    """The constraints set by this very object, without asking the storage; broken where they are above 0."""
    return trial._cached_frozen_trial.constraints


def fronts(values: "np.ndarray[Any, Any]", most: int) -> "np.ndarray[Any, Any]":
    """To which front each row belongs, from 0, the best; as far as is needed for so many rows, the others below all.

    `values`: the objectives of each trial, all to be minimized.
    """
    from optuna.study._multi_objective import _fast_non_domination_rank

    return _fast_non_domination_rank(values, n_below=most)


def contains(distribution: "BaseDistribution", value: float) -> bool:
    """Whether the distribution has that value, given as Optuna keeps it."""
    return distribution._contains(value)


# Tables


@dataclass(frozen=True, kw_only=True)
class Tables:
    """Those of Optuna's tables that are read past it."""

    studies: "Table"
    trials: "Table"
    params: "Table"
    values: "Table"
    reports: "Table"  # intermediate values
    user: "Table"  # attributes of trials
    system: "Table"


@cache
def tables() -> Tables:
    """Optuna's tables, as its storage has them."""
    from optuna.storages._rdb import models

    return Tables(
        studies=cast("Table", models.StudyModel.__table__),
        trials=cast("Table", models.TrialModel.__table__),
        params=cast("Table", models.TrialParamModel.__table__),
        values=cast("Table", models.TrialValueModel.__table__),
        reports=cast("Table", models.TrialIntermediateValueModel.__table__),
        user=cast("Table", models.TrialUserAttributeModel.__table__),
        system=cast("Table", models.TrialSystemAttributeModel.__table__),
    )


def metadata() -> "MetaData":
    """All of Optuna's tables but alembic_version."""
    from optuna.storages._rdb.models import BaseModel

    return cast("MetaData", BaseModel.metadata)


def value_of_objective(value: float | None, kind: Any) -> float:
    """What the columns `value` and `value_type` of `Tables.values` say."""
    from optuna.storages._rdb.models import TrialValueModel

    return TrialValueModel.stored_repr_to_value(value, kind)


def reported_value(value: float | None, kind: Any) -> float:
    """What the columns `intermediate_value` and `intermediate_value_type` of `Tables.reports` say."""
    from optuna.storages._rdb.models import TrialIntermediateValueModel

    return TrialIntermediateValueModel.stored_repr_to_intermediate_value(value, kind)


def make_tables(connection: "Connection") -> None:
    """Those tables that are missing, and which Optuna made them; it would make them without a lock."""
    import optuna
    from optuna.storages._rdb import models
    from sqlalchemy import select

    models.BaseModel.metadata.create_all(connection)
    info = models.VersionInfoModel.__table__
    if connection.execute(select(info)).first() is None:
        values = {"version_info_id": 1, "schema_version": models.SCHEMA_VERSION, "library_version": optuna.__version__}
        connection.execute(cast("Table", info).insert().values(values))


def revisions() -> Path:
    """The folder of the migrations by which Optuna's tables came to be what they are, as Alembic reads it."""
    from optuna.storages import _rdb

    return Path(_rdb.__file__).parent / "alembic"


def library_version(storage: "RDBStorage") -> int | None:
    """The major version of the Optuna that made the tables of a storage; None where that is not to be had."""
    from optuna.storages._rdb import models
    from sqlalchemy import select

    with storage.engine.connect() as connection:
        found = connection.execute(select(models.VersionInfoModel.library_version)).scalar()
    major = str(found or "").partition(".")[0]
    return int(major) if major.isdecimal() else None


# Storages


def storage_over(kind: type[Storage], engine: "Engine", url: str, creator: Callable[[], Any]) -> Storage:
    """Optuna's storage of tables that are there, over our connections.

    Args:
        kind: Optuna's class, or one derived from it.
        engine: what it will work with.
        url: of the same database, its braces doubled, as Optuna fills in single ones.
        creator: makes one connection of the driver's, with which Optuna checks the version of its tables.

    Raises:
        RuntimeError: the tables are of another version.

    """
    # Those of Alembic Optuna imports only when it has begun to ask for the version.
    import alembic.command
    import alembic.config
    import alembic.migration  # noqa: F401
    from sqlalchemy.orm import scoped_session, sessionmaker
    from sqlalchemy.pool import NullPool

    made = kind(url, engine_kwargs={"creator": creator, "poolclass": NullPool}, skip_table_creation=True)
    made.engine.dispose()  # a throw-away of its own
    made.engine = engine
    made.scoped_session = scoped_session(sessionmaker(bind=engine))
    return made


def storage_within(storage: "RDBStorage", connection: "Connection") -> "RDBStorage":
    """The same tables through the caller's transaction: what it writes is committed or undone with the rest."""
    from optuna.storages import RDBStorage
    from sqlalchemy.orm import scoped_session, sessionmaker

    twin = object.__new__(RDBStorage)  # `copy.copy` would connect anew: it is pickled without its engine
    twin.__dict__.update(storage.__dict__)
    # rollback_only: Optuna's own commits leave the outer transaction alone.
    twin.scoped_session = scoped_session(sessionmaker(bind=connection, join_transaction_mode="rollback_only"))
    return twin
