"""Read by TensorBoard's own readers, in a process without TensorFlow, as it is written in one."""

import errno
import json
import subprocess
import sys
from pathlib import Path

WRITE_AND_READ = """
import json, os, resource, sys
from observed_events import settled, STUDY
from hpo.observers.destinations.tensorboard_files import TensorBoardFiles

folder = sys.argv[1]
told = TensorBoardFiles(folder)
told.trial_settled(settled())
told.trial_settled(settled())  # told again
told.trial_settled(settled(id="x", trial=4, outcome="failed", values=(), curve=(), reason="no luck"))
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
from tensorboard.plugins.hparams import metadata, plugin_data_pb2

all_ = EventMultiplexer().AddRunsFromDirectory(folder)
all_.Reload()
found = {}
for run in all_.Runs():
    its = all_.GetAccumulator(run)
    scalars = {tag: [(one.step, round(one.value, 6)) for one in its.Scalars(tag)] for tag in its.Tags()["scalars"]}
    content = its.PluginTagToContent("hparams")
    start = metadata.parse_session_start_info_plugin_data(content[metadata.SESSION_START_INFO_TAG])
    end = metadata.parse_session_end_info_plugin_data(content[metadata.SESSION_END_INFO_TAG])
    params = {name: getattr(value, value.WhichOneof("kind")) for name, value in start.hparams.items()}
    found[run] = [scalars, params, start.start_time_secs, end.status]
resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))  # as if the disk were full
try:
    told.trial_settled(settled(id="y", trial=5))
except OSError as error:
    full = error.errno
left = [name for _, _, names in os.walk(folder) for name in names]
print(json.dumps([found, "tensorflow" in sys.modules, full, left]))
"""


def test_trials_are_read_by_tensorboard_itself_and_nothing_imports_tensorflow(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WRITE_AND_READ, str(tmp_path)],
        env={"PATH": "/usr/bin", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found, with_tensorflow, full, left = json.loads(done.stdout.splitlines()[-1])
    assert not with_tensorflow
    (complete, (scalars, params, began, status)), (failed, (_, _, _, status_failed)) = sorted(found.items())
    assert complete.endswith("trial-00003")
    assert failed.endswith("trial-00004")
    assert scalars["accuracy"] == [[1, 0.25], [2, 0.5], [3, 0.75]]
    assert (scalars["latency"], scalars["hpo/train"], scalars["hpo/epochs"]) == ([[3, 2.5]], [[3, 0.8]], [[3, 3.0]])
    assert params == {"rate": 0.1, "units": 8.0, "kind": "a", "flat": True, "decay": "None"}
    assert (began, status, status_failed) == (1767323045.0, 1, 2)
    assert len(left) == 2  # told twice, one file; and of the one there was no room for, none
    assert full == errno.EFBIG
