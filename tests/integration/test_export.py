"""Exports of real studies: the same trials that Optuna and the slots tell of, each once, on every database."""

import csv
import json
import os
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from slot_tools import Claim

from hpo.errors import HpoError, StudyError
from hpo.experiments import trial_records as exported
from hpo.experiments.trial_export import export
from hpo.experiments.trial_records import ExportedTrial
from hpo.storage import Storage, studies
from hpo.storage.queries import stored_trials
from hpo.storage.slots import slot_trials
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan, StudyRecord

Ran = Callable[..., int]


@pytest.fixture
def ran(store: Storage, study: StudyRecord, slots: Slots, claim: Claim) -> Ran:
    """One trial as a worker runs it, up to its outcome; None leaves it in hand. Its number."""

    def run(outcome: str | None, value: float | None = None, reason: str | None = None, settle: bool = True) -> int:
        slot = claim()
        trial = slot_trials.create(store, studies.load(store, study.name), slot)
        params = {
            "rate": trial.suggest_float("rate", 1e-3, 1, log=True),
            "kind": trial.suggest_categorical("kind", ("a", None)),
        }
        if params["kind"] == "a":
            params["layers"] = trial.suggest_int("layers", 1, 9)
        trial.set_user_attr("seed", 40 + trial.number)
        trial.set_user_attr("train", 0.25)
        trial.report(0.5, 2)
        trial.report(0.25, 1)
        slots.attach(slot, trial.number)
        if outcome is not None and settle:
            assert slots.settle(slot, outcome, value, reason, params=params, trial_number=trial.number)
            assert slot_trials.tell(store, trial._trial_id, outcome, value)
        return trial.number

    return run


def exported_from(store: Storage, study: StudyRecord) -> list[ExportedTrial]:
    return exported.read(store, study.name)[1]


def test_exported_trials_equal_those_optuna_reads(store: Storage, study: StudyRecord, slots: Slots, ran: Ran) -> None:
    slots.open(study.name, 9)
    for outcome, value in (("complete", 0.5), ("pruned", 0.25), ("failed", None), (None, None)):
        ran(outcome, value)
    theirs = store.rdb.get_all_trials(store.rdb.get_study_id_from_name(study.name))
    mine = stored_trials.read(store, study.name)
    assert [trial.number for trial in mine] == [trial.number for trial in theirs] == [0, 1, 2, 3]
    for one, other in zip(mine, theirs, strict=True):
        assert one.state == {"FAIL": "failed"}.get(other.state.name, other.state.name.lower())
        assert (one.value, one.params) == (other.value, other.params)
        assert (one.user, one.system) == (other.user_attrs, other.system_attrs)
        assert dict(one.curve) == other.intermediate_values
        assert one.curve == ((1, 0.25), (2, 0.5))
        local = (other.datetime_start, other.datetime_complete)
        assert (one.started_at, one.ended_at) == tuple(when and when.astimezone(UTC) for when in local)
    drawn = {name: entry for trial in theirs for name, entry in trial.distributions.items()}
    assert stored_trials.distributions(store, study.name) == drawn


def test_exported_times_are_in_utc_in_any_time_zone(
    store: Storage, study: StudyRecord, slots: Slots, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots.open(study.name, 1)
    try:
        monkeypatch.setenv("TZ", "NPT-5:45")  # POSIX: needs no table of zones
        time.tzset()
        ran(None)
        began = stored_trials.read(store, study.name)[0].started_at
    finally:
        monkeypatch.undo()
        time.tzset()
    assert began is not None
    assert abs((began - datetime.now(UTC)).total_seconds()) < 60


def test_every_exported_trial_has_the_outcome_of_its_slot(
    store: Storage, study: StudyRecord, slots: Slots, clock, ran: Ran
) -> None:
    slots.open(study.name, 4)
    clock.now = 1_000.0
    first = ran("complete", 0.5)
    ran("pruned", 0.25, "not worth it")
    ran("failed", None, 'ValueError: a, "b"\nc')
    ran(None)
    told = exported_from(store, study)
    assert [(t.number, t.state, t.outcome, t.value) for t in told] == [
        (0, "complete", "complete", 0.5), (1, "pruned", "pruned", 0.25), (2, "failed", "failed", None),
        (3, "running", None, None),
    ]  # fmt: skip
    assert [t.reason for t in told] == [None, "not worth it", 'ValueError: a, "b"\nc', None]
    assert [(t.position, t.attempt, t.worker, t.seed) for t in told] == [(i, 1, "w1", 40 + i) for i in range(4)]
    assert all(t.attributes == {"train": 0.25} and set(t.params) <= {"rate", "kind", "layers"} for t in told)
    assert (told[first].started_at, told[first].seconds) == (datetime.fromtimestamp(1_000, UTC), 0.0)
    assert (told[3].ended_at, told[3].seconds) == (None, None)


def test_a_lost_attempt_is_reported_without_an_outcome(
    store: Storage, study: StudyRecord, slots: Slots, ran: Ran
) -> None:
    slots.open(study.name, 1)
    ran(None)
    slots.record_crash("w1", "killed by signal 9")
    ran("complete", 1.0)
    lost, kept = exported_from(store, study)
    assert (lost.state, lost.outcome, lost.attempt, lost.worker, lost.position) == ("failed", None, 1, None, 0)
    assert (kept.state, kept.outcome, kept.attempt, kept.value, kept.position) == ("complete", "complete", 2, 1.0, 0)
    assert "took its place" in str(lost.reason)


def test_a_slot_settled_without_a_trial_is_reported_last(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim, ran: Ran
) -> None:
    slots.open(study.name, 2)
    assert slots.settle(claim(), "failed", None, "died before it began")
    ran("complete", 1.0)
    told = exported_from(store, study)
    assert [(t.number, t.position, t.outcome, t.reason) for t in told] == [
        (0, 1, "complete", None), (None, 0, "failed", "died before it began"),
    ]  # fmt: skip
    assert sum(t.outcome is not None for t in told) == slots.counts(study.name).settled


def test_a_settled_slot_counts_before_its_trial_is_reported_to_optuna(
    store: Storage, study: StudyRecord, slots: Slots, claim: Claim
) -> None:
    slots.open(study.name, 1)
    slot = claim()
    trial = slot_trials.create(store, studies.load(store, study.name), slot)
    assert slots.settle(slot, "complete", 0.75, params={"x": 1.0}, trial_number=trial.number)
    (told,) = exported_from(store, study)
    assert (told.number, told.state, told.outcome, told.value, told.params) == (
        0,
        "complete",
        "complete",
        0.75,
        {"x": 1.0},
    )


def test_a_measurement_study_is_exported_by_its_name(store: Storage, plan: StudyPlan) -> None:
    studies.create_or_resume(store, replace(plan, name="toy-sweep-quick", kind="sweep"))
    record, told = exported.read(store, "toy-sweep-quick")
    assert (record.kind, told) == ("sweep", [])


def test_an_unknown_or_incomplete_study_is_refused_in_one_line(store: Storage, study: StudyRecord) -> None:
    with pytest.raises(StudyError, match="there is no study 'other'"):
        exported.read(store, "other")
    store.rdb.delete_study(store.rdb.get_study_id_from_name(study.name))
    with pytest.raises(StudyError, match="deleted by another program"):
        exported.read(store, study.name)


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_an_export_replaces_the_earlier_file_whole(
    kind: str, store: Storage, study: StudyRecord, slots: Slots, ran: Ran, tmp_path: Path
) -> None:
    slots.open(study.name, 3)
    ran("complete", 0.5)
    ran("failed", None, 'a, "b"\nc')
    there = tmp_path / "there"
    there.write_text("old")
    link = tmp_path / f"link.{kind}"
    link.symlink_to(there)
    assert export(store, study.name, link, kind) == 2
    assert link.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "hpo.db") == [link.name, "there"]
    if kind == "csv":
        with there.open(newline="") as file:
            rows = list(csv.DictReader(file))
    elif kind == "json":
        rows = json.loads(there.read_text())["trials"]
    else:
        from pyarrow import parquet

        rows = parquet.read_table(there).to_pylist()
    assert [row["reason"] or None for row in rows] == [None, 'a, "b"\nc']
    assert [float(row["value"]) if row["value"] else None for row in rows] == [0.5, None]


def test_an_export_that_fails_leaves_the_earlier_file(
    store: Storage, study: StudyRecord, slots: Slots, ran: Ran, tmp_path: Path
) -> None:
    slots.open(study.name, 1)
    ran("failed", None, "x" * 1_000_000)
    there = tmp_path / "there.csv"
    there.write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))  # bytes a file may grow to: as a full disk
    try:
        with pytest.raises(HpoError, match=r"there\.csv could not be written: File too large"):
            export(store, study.name, there, "csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert there.read_text() == "old"
    assert list(tmp_path.glob(".there*")) == []


def test_an_export_to_a_device_writes_and_does_not_replace_it(store: Storage, study: StudyRecord) -> None:
    assert export(store, study.name, Path(os.devnull), "csv") == 0
    assert not Path(os.devnull).is_file()
