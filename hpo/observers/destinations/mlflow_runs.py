"""Trials as runs of MLflow: one each, below the run of their study."""

import hashlib
import math
import os
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from hpo.errors import UsageError
from hpo.observers.destinations.destination import Destination, refuse_unusable
from hpo.observers.events import Event, NewBest, StudyBegun, StudyEnded, StudyResumed, TrialSettled

__all__ = ["MlflowRuns"]

_MARK = "hpo.key"  # tag of a run: digest of the event or the study it was made of, by which it is found again
_PARENT = "mlflow.parentRunId"  # MLflow's own
_FILE = "sqlite:///"  # how a tracking URI begins that names a file
_METRICS = 1000  # in one call; MLflow's limit
_PARAMS = 100  # likewise
_LONGEST = 500  # characters of a parameter's value; older servers' limit
_NO_NAME = re.compile(r"[^\w\-./: ]")

T = TypeVar("T")


class MlflowRuns(Destination):
    """Writes into the experiment of the definition's name: a run for the study, and below it one for each trial."""

    needs: ClassVar = ("mlflow", "mlflow")

    def __init__(self, target: str) -> None:
        super().__init__(target)
        # A server that is away is asked again by whoever tells us, so that no call takes long.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
        import mlflow.tracking  # noqa: F401 - so that what is wrong with it shows now

        self._made: Any = None
        self._parents: dict[str, tuple[str, str]] = {}  # key of a study -> its experiment, and its run

    @classmethod
    def checked(cls, target: str) -> str:
        """The tracking URI, as it is. Raises UsageError where it is none."""
        if "://" not in target and not target.startswith("databricks"):
            file = Path(target).with_suffix(".db").name
            raise UsageError(
                f"--observe mlflow:{target} is no tracking URI: write mlflow:http://HOST:5000, or for a file "
                f"mlflow:sqlite:///{file}"
            )
        return target

    @property
    def _client(self) -> Any:
        """MLflow's client, made once its database's folder is there: MLflow would wait for that for hours."""
        if self._made is None:
            from mlflow.tracking import MlflowClient

            if self.target.startswith(_FILE):
                refuse_unusable(Path(self.target.removeprefix(_FILE).partition("?")[0]).parent)
            self._made = MlflowClient(tracking_uri=self.target)
        return self._made

    def study_begun(self, event: StudyBegun) -> None:
        """Begin its run."""
        self._parent(event)

    def study_resumed(self, event: StudyResumed) -> None:
        """Let its run go on."""
        self._client.update_run(self._parent(event)[1], status="RUNNING")

    def new_best(self, event: NewBest) -> None:
        """Keep the best so far with the study."""
        _, run = self._parent(event)
        self._client.log_metric(run, f"best {_name(event.study.metrics[0])}", event.value, _milliseconds(event.at))

    def study_ended(self, event: StudyEnded) -> None:
        """End its run."""
        status = {"error": "FAILED", "interrupted": "KILLED"}.get(event.ended, "FINISHED")
        self._client.set_terminated(self._parent(event)[1], status=status, end_time=_milliseconds(event.at))

    def trial_settled(self, event: TrialSettled) -> None:
        """Make its run, or go on with one that an earlier try has left."""
        from mlflow.entities import Metric, Param

        experiment, parent = self._parent(event)
        found = self._found(experiment, event.id)
        if found is not None and found.info.status != "RUNNING":
            return
        run = found or self._client.create_run(
            experiment,
            start_time=_milliseconds(event.started_at or event.at),
            run_name=f"{event.study.name} trial {event.trial}",
            tags={_MARK: _digest(event.id), _PARENT: parent, **_tags(event)},
        )
        id_ = run.info.run_id
        params = [Param(_name(name), str(value)[:_LONGEST]) for name, value in event.params.items()]
        for some in _pieces(params, _PARAMS):
            self._client.log_batch(id_, params=some)
        when = _milliseconds(event.at)
        metrics = [Metric(name, value, when, step) for name, value, step in _metrics(event)]
        for points in _pieces(metrics, _METRICS):
            self._client.log_batch(id_, metrics=points)
        status = "FAILED" if event.outcome == "failed" else "FINISHED"
        self._client.set_terminated(id_, status=status, end_time=when)

    def _parent(self, event: Event) -> tuple[str, str]:
        """The experiment and the run of the study, made where they are not there."""
        study = event.study
        if study.key not in self._parents:
            experiment = self._client.get_experiment_by_name(study.definition)
            id_ = experiment.experiment_id if experiment else self._client.create_experiment(study.definition)
            run = self._found(id_, study.key) or self._client.create_run(
                id_,
                start_time=_milliseconds(study.created_at),
                run_name=study.name,
                tags={
                    _MARK: _digest(study.key),
                    "hpo.study": study.name,
                    "hpo.space": study.space,
                    "hpo.seed": str(study.seed),
                },
            )
            self._parents[study.key] = id_, run.info.run_id
        return self._parents[study.key]

    def _found(self, experiment: str, key: str) -> Any:
        made = f"tags.`{_MARK}` = '{_digest(key)}'"
        found = self._client.search_runs([experiment], filter_string=made, max_results=1)
        return next(iter(found), None)


def _tags(event: TrialSettled) -> dict[str, str]:
    its = {
        "hpo.study": event.study.name,
        "hpo.trial": event.trial,
        "hpo.rung": event.rung,
        "hpo.note": event.note or None,
        "hpo.outcome": event.outcome,
        "hpo.reason": event.reason,
        "hpo.seed": event.seed,
    }
    return {name: str(value)[:_LONGEST] for name, value in its.items() if value is not None}


def _metrics(event: TrialSettled) -> Iterator[tuple[str, float, int]]:
    """Name, value and step of all that is to be drawn."""
    metric, last = _name(event.study.metrics[0]), max((step for step, _ in event.curve), default=0)
    its = [(metric, value, step) for step, value in event.curve]
    if event.value is not None and (last, event.value) not in event.curve:
        its.append((metric, event.value, last))
    its += [(_name(name), value, last) for name, value in zip(event.study.metrics[1:], event.values[1:], strict=False)]
    its += [
        (_name(name), float(value), last)
        for name, value in event.attributes.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    yield from (one for one in its if math.isfinite(one[1]))


def _digest(key: str) -> str:
    """MLflow's filters know no escape, and a study's name may have a quote."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def _name(text: str) -> str:
    return _NO_NAME.sub("_", text)[:250]


def _milliseconds(when: datetime) -> int:
    return int(when.timestamp() * 1000)


def _pieces(all_: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    yield from (all_[first : first + size] for first in range(0, len(all_), size))
