"""A study and a worker as the storage tells of them."""

from datetime import UTC, datetime, timedelta

from hpo.storage.queries.status import RungStatus, StudyStatus
from hpo.storage.queries.study_results import Best
from hpo.storage.worker_registry import FleetWorker, RunningTrial

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HAND = RunningTrial(study="deep", worker="ares:7::", position=3, attempt=2, trial=12, since=NOW - timedelta(minutes=3))
ONE = FleetWorker(
    name="ares:7::", host="ares", pid=7, gpu=None, gpu_name=None, threads=2, program="0.1.0", study=None, doing="",
    refuses={}, started_at=NOW - timedelta(hours=3), beaten_at=NOW, seconds_silent=2.0, alive=True, running_trial=None,
)  # fmt: skip
STUDY = StudyStatus(
    study="deep", definition="toy", space="line", fidelity="quick", target=9, settled=4, complete=4, pruned=0, failed=0,
    running=1, open=4, best=Best(number=2, value=0.875, params={"x": 0.5}), direction="maximize", metric="accuracy",
    sampler="tpe", pruner="asha", seed=1, created_at=NOW, kind="search", parent=None, workers=("ares:7::",),
    eta_seconds=60.0, eta_range=(50.0, 70.0),
    state="running", stopped_at=None, stopped_by=None, stopped_why=None, until=None,
    trial_timeout=None, running_trials=(HAND,), claimable=4, rungs=(RungStatus(fidelity="quick", target=9, settled=4),),
)  # fmt: skip
