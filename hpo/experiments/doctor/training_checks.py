"""What trainings need of this machine: the data sets, TensorFlow, and GPUs that TensorFlow sees."""

import json
import os
import subprocess
from collections.abc import Iterator

from hpo.experiments.doctor.check import Check
from hpo.fleet.machine import gpus, interpreter
from hpo.settings import use_tensorflow

__all__ = ["checks"]

_CODE = (
    "import json, tensorflow as tf, keras;"
    "print(json.dumps([tf.__version__, keras.__version__,"
    " [d.name for d in tf.config.list_physical_devices() if d.device_type == 'GPU']]))"
)
_TIMEOUT = 300  # seconds
_REMEDY = "pip install 'hpo-service[cpu]', or [gpu] on a machine with an NVIDIA card"


def checks() -> Iterator[Check]:
    """What there is of each, TensorFlow last."""
    yield from _data()
    yield _tensorflow(len(gpus.look().gpus))


def _data() -> Iterator[Check]:
    from hpo.data import DATASETS, locate

    for name in DATASETS:
        located = locate(name)
        if not located.ok:
            found = "; ".join(located.problems) or "not here"
            yield Check(name=name, state="warn", found=found, remedy="hpo data")
        elif located.problems:
            remedy = "replace or remove the damaged files: they are passed over"
            yield Check(name=name, state="warn", found="; ".join(located.problems), remedy=remedy)
        else:
            yield Check(name=name, state="ok", found=f"{located.path} ({located.source})")


def _tensorflow(listed: int) -> Check:
    """In a process of its own: the import takes seconds, and a broken build can end the process that tries it."""
    use_tensorflow()
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        run = subprocess.run(
            interpreter.command(_CODE),
            input=interpreter.first_line().decode(),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            env=environment,
            check=False,
        )
        tensorflow, keras, seen = json.loads(run.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return Check(name="tensorflow", state="fail", found="does not start within 5 minutes", remedy=_REMEDY)
    except (IndexError, ValueError):
        lines = run.stderr.strip().splitlines()
        found = f"does not start: {lines[-1] if lines else f'exit code {run.returncode}'}"
        return Check(name="tensorflow", state="fail", found=found, remedy=_REMEDY)
    found = f"tensorflow {tensorflow}, keras {keras}, {', '.join(seen) if seen else 'no GPU, so CPU'}"
    if listed and not seen:
        remedy = "workers would lease GPUs and train on cores: pip install 'hpo-service[gpu]', or hpo worker --cpu"
        return Check(name="tensorflow", state="warn", found=f"{found}, though the driver lists {listed}", remedy=remedy)
    return Check(name="tensorflow", state="ok", found=found)
