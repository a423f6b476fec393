"""What observers write is read again by the packages they write for; slow, as these take long to set up."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from faulty_servers import full
from observed_events import STUDY, begun, best, ended, settled

pytestmark = pytest.mark.slow

BLOCK = 32768  # bytes


def test_mlflow_has_a_run_for_the_study_and_below_it_one_for_each_trial(tmp_path: Path) -> None:
    from mlflow.tracking import MlflowClient

    from hpo.observers.destinations.mlflow_runs import MlflowRuns

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    for _ in range(2):  # told again by another process, nothing is there twice
        told = MlflowRuns(MlflowRuns.checked(uri))
        told.study_begun(begun())
        told.trial_settled(settled())
        told.trial_settled(settled(id="other", trial=4, outcome="failed", values=(), curve=(), reason="no luck"))
        told.new_best(best())
        told.study_ended(ended())
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(STUDY.definition)
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {STUDY.name, f"{STUDY.name} trial 3", f"{STUDY.name} trial 4"}
    parent, complete, failed = (runs[name] for name in sorted(runs))
    assert (parent.info.status, parent.data.metrics["best accuracy"]) == ("FINISHED", 0.75)
    assert complete.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert complete.data.params == {"rate": "0.1", "units": "8", "kind": "a", "flat": "True", "decay": "None"}
    assert complete.data.metrics == {"accuracy": 0.75, "latency": 2.5, "epochs": 3.0, "train": 0.8}
    assert (complete.info.start_time, complete.info.end_time) == (1767323045000, 1767323105000)
    curve = client.get_metric_history(complete.info.run_id, "accuracy")
    assert sorted((point.step, point.value) for point in curve) == [(1, 0.25), (2, 0.5), (3, 0.75)]
    assert (failed.info.status, failed.data.tags["hpo.reason"]) == ("FAILED", "no luck")


def entries(file: Path) -> Iterator[bytes]:
    """The entries of W&B's file: after 7 bytes, blocks of 32 KiB of pieces, as LevelDB's log has them."""
    content, place, begun = file.read_bytes(), 7, b""
    while place + 7 <= len(content):
        if BLOCK - place % BLOCK < 7:
            place += BLOCK - place % BLOCK
            continue
        _, length, kind = struct.unpack_from("<IHB", content, place)
        begun += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last piece
            yield begun
            begun = b""


def test_wandb_keeps_a_run_for_each_trial_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wandb.proto import wandb_internal_pb2

    from hpo.observers.destinations.wandb_runs import WandbRuns

    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.delenv("WANDB_MODE", raising=False)
    told = WandbRuns("us/ink")
    told.trial_settled(settled())
    told.trial_settled(settled(id="other", trial=4))
    files = sorted(tmp_path.glob("wandb/offline-run-*/*.wandb"))
    assert len(files) == 2
    found = []
    for file in files:
        records = [wandb_internal_pb2.Record.FromString(entry) for entry in entries(file)]
        run = next(record.run for record in records if record.WhichOneof("record_type") == "run")
        config = {item.key: json.loads(item.value_json) for item in run.config.update}
        history = [record.history for record in records if record.WhichOneof("record_type") == "history"]
        found.append((run.project, run.run_group, run.display_name, config["rate"], len(history)))
    names = {name for *_, name, _, _ in found}
    assert names == {f"{STUDY.name} trial 3", f"{STUDY.name} trial 4"}
    assert {(project, group, rate, points) for project, group, _, rate, points in found} == {
        ("ink", STUDY.name, 0.1, 3)
    }


def test_events_a_wandb_server_rejects_are_sent_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import wandb

    from hpo.observers.destinations import wandb_runs

    monkeypatch.setattr(wandb_runs, "_SECONDS", 1.0)
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_API_KEY", "0123456789" * 4)
    wandb.teardown()  # it reads the environment once
    with full() as url:
        monkeypatch.setenv("WANDB_BASE_URL", url)
        told = wandb_runs.WandbRuns("ink")
        for _ in range(2):  # a run that it has begun once it calls one in use
            with pytest.raises(Exception, match="HTTP 507"):
                told.trial_settled(settled())
