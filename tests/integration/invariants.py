"""What must hold at the end, whatever happened on the way."""

from optuna.trial import TrialState

from hpo.storage import Storage
from hpo.storage.slots.slots import Slots


def check_budget(store: Storage, study: str, total: int) -> None:
    """Exactly `total` settled slots, for each at most the one finished trial it says, and no trial RUNNING."""
    finished: dict[int, list[tuple[TrialState, float | None]]] = {}
    for trial in store.rdb.get_all_trials(store.rdb.get_study_id_from_name(study)):
        assert trial.state.is_finished(), "a trial is RUNNING at the end"
        if trial.state != TrialState.FAIL:
            finished.setdefault(trial.system_attrs["hpo:slot"], []).append((trial.state, trial.value))
    states = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED}
    listed = Slots(store).list(study)
    assert len(listed) == total
    for slot in listed:
        assert slot.state == "settled"
        told = [(states[slot.outcome], slot.value)] if slot.outcome in states else []
        assert finished.pop(slot.id, []) == told
    assert finished == {}
