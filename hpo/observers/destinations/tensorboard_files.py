"""Trials for TensorBoard: a folder each, with its curve as scalars and its parameters for the HParams page."""

import math
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from hpo.errors import UsageError
from hpo.files import expanded, folder_name, replacing
from hpo.observers.destinations.destination import Destination
from hpo.observers.events import TrialSettled

__all__ = ["TensorBoardFiles"]


class TensorBoardFiles(Destination):
    """Writes FOLDER/STUDY/trial-NUMBER, whole once the trial has ended: told again, a file takes its own place."""

    needs: ClassVar = ("tensorboard", "tensorboard")

    def __init__(self, target: str) -> None:
        super().__init__(target)
        if "tensorflow" not in sys.modules:  # TensorBoard would import it, and needs it for nothing here
            sys.modules.setdefault("tensorboard.compat.notf", ModuleType("tensorboard.compat.notf"))
        import tensorboard.plugins.hparams.summary_v2  # noqa: F401 - so that what is wrong with it shows now

    @classmethod
    def checked(cls, target: str) -> str:
        """The folder, made absolute. Raises UsageError where a file is there."""
        folder = expanded(target).absolute()
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"--observe tensorboard:{target} names a file: name a folder, such as logs")
        return str(folder)

    def trial_settled(self, event: TrialSettled) -> None:
        """Write its curve, its parameters, and how it ended."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        if event.trial is None:
            return
        folder = Path(self.target) / folder_name(event.study.name) / f"trial-{event.trial:05d}"
        folder.mkdir(parents=True, exist_ok=True)
        began = event.started_at or event.at
        output = folder / f"events.out.tfevents.{began.timestamp():.0f}.hpo"
        with replacing(output) as path, path.open("wb") as file:
            records = RecordWriter(file)
            records.write(Event(wall_time=began.timestamp(), file_version="brain.Event:2").SerializeToString())
            for step, summary in _summaries(event, began):
                when = event.at.timestamp() if step else began.timestamp()
                records.write(Event(wall_time=when, step=step, summary=summary).SerializeToString())


def _summaries(event: TrialSettled, began: datetime) -> Iterator[tuple[int, Any]]:
    """What is written of a trial: a step and a summary each."""
    from tensorboard.plugins.hparams import summary_v2

    params = {name: str(value) if value is None else value for name, value in event.params.items()}
    yield 0, summary_v2.hparams_pb(params, trial_id=event.id, start_time_secs=began.timestamp())
    metric, last = event.study.metrics[0], max((step for step, _ in event.curve), default=1)
    for step, value in event.curve:
        yield step, _scalar(metric, value)
    if event.value is not None and (last, event.value) not in event.curve:
        yield last, _scalar(metric, event.value)
    for name, value in zip(event.study.metrics[1:], event.values[1:], strict=False):
        yield last, _scalar(name, value)
    for name, number in event.attributes.items():
        if isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number):
            yield last, _scalar(f"hpo/{name}", number)
    yield last, _ended(event)


def _scalar(tag: str, value: float) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary(value=[Summary.Value(tag=tag, simple_value=value)])


def _ended(event: TrialSettled) -> Any:
    """How it ended, for the HParams page."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    status = api_pb2.STATUS_FAILURE if event.outcome == "failed" else api_pb2.STATUS_SUCCESS
    info = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=event.at.timestamp())
    about = metadata.create_summary_metadata(plugin_data_pb2.HParamsPluginData(session_end_info=info))
    value = Summary.Value(tag=metadata.SESSION_END_INFO_TAG, metadata=about, tensor=metadata.NULL_TENSOR)
    return Summary(value=[value])
