"""Trials that Optuna has as RUNNING although nobody works on them: what `recovery` puts right, looked at only."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from hpo.service.hosts import clock
from hpo.service.slots import trials
from hpo.service.storage import Storage, schema
from hpo.service.storage.errors import translated
from hpo.service.storage.noted import Noted

__all__ = ["Orphan", "orphans"]

_slot = schema.slots


@dataclass(frozen=True, kw_only=True)
class Orphan:
    """A trial left RUNNING."""

    study: str  # name
    trial: int  # Optuna's number


def orphans(storage: Storage) -> Sequence[Orphan]:
    """The RUNNING trials of ours whose slot is not leased by the attempt that made them, or whose lease ran out.

    Trials that something else than hpo began are not ours to judge. Raises StorageError.
    """
    from optuna.storages._rdb.models import StudyModel, TrialModel, TrialSystemAttributeModel
    from optuna.trial import TrialState

    attribute = TrialSystemAttributeModel
    query = (
        select(StudyModel.study_name, TrialModel.number, attribute.key, attribute.value_json)
        .join(TrialModel, TrialModel.study_id == StudyModel.study_id)
        .join(attribute, attribute.trial_id == TrialModel.trial_id)
        .where(TrialModel.state == TrialState.RUNNING, attribute.key.in_([trials.SLOT, trials.ATTEMPT]))
    )
    # Trials first, slots second: a slot read later than its trial can only be further on.
    rows: dict[tuple[str, int], list[tuple[str, str]]] = {}
    with translated(storage.where), storage.engine.connect() as connection:
        for study, number, key, value in connection.execute(query):
            rows.setdefault((study, number), []).append((key, value))
        noted = {trial: Noted.read(its) for trial, its in rows.items()}
        tokens = {trial: (its.whole(trials.SLOT), its.whole(trials.ATTEMPT)) for trial, its in noted.items()}
        ids = {slot for slot, _ in tokens.values() if slot is not None}
        held = select(_slot.c.id, _slot.c.attempt).where(
            _slot.c.id.in_(ids), _slot.c.state == "leased", _slot.c.lease_expires_at > clock.now(storage)
        )
        live = {(id_, attempt) for id_, attempt in connection.execute(held)} if ids else set()
    return [
        Orphan(study=study, trial=number)
        for (study, number), token in sorted(tokens.items())
        if None not in token and token not in live
    ]
