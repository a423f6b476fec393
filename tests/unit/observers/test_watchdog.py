import json
import subprocess
import sys

from hpo.observers import observer_process

HANGS = """
import threading

from hpo.observers import observer_process
from hpo.observers.telling import Ending

observer_process._CALL, observer_process._LOOK = 0.05, 0.01
observer_process._Watchdog(1, Ending()).call("trial_settled")
threading.Event().wait()
"""


def test_a_hanging_observer_call_ends_its_process_with_a_message() -> None:
    done = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["warned"]
    assert told == "has not come back from trial_settled for 0.05 s; it is told nothing more in this run"


def test_once_the_run_is_over_a_call_gets_less_time_and_an_import_does_not() -> None:
    limits = [
        observer_process._limit(method, over=over) for over in (False, True) for method in ("__init__", "trial_settled")
    ]
    assert limits == [60.0, 60.0, 60.0, 15.0]
