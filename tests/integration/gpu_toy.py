"""Trials that show which GPU their process was given; none needs TensorFlow.

`shows` is an objective of a toy's, named by `gpu_toy.py:NAME`. `write` writes a program and an objective as people have
them, which fail where they find that another of them runs on their GPU.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import optuna

from hpo.study import Direction

FILE = str(Path(__file__).resolve())
Objective = Callable[[optuna.Trial], float]


def shows(beat: Callable[[], None]) -> Objective:
    """Says in a file named after process and trial what CUDA will see; ends when the file `go` appears."""

    def run(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0.0, 1.0)
        trial.suggest_categorical("kind", ("a", "b"))
        said = Path(f"saying-{os.getpid()}")
        said.write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "all there are"))
        said.rename(f"sees-{os.getpid()}-{trial.number}")
        while not Path("go").exists():
            time.sleep(0.01)
            beat()
        return x

    return run


_PROGRAM = """
trap '' TERM
gpu=$CUDA_VISIBLE_DEVICES
if [ -e on-$gpu ] && kill -0 $(cat on-$gpu); then echo $(cat on-$gpu) runs on $gpu >&2; exit 7; fi
echo $$ > on-$gpu
worker=$(cut -d' ' -f4 /proc/$PPID/stat)
printf %s $gpu > saying-$worker
mv saying-$worker sees-$worker-$HPO_TRIAL
while [ ! -e go ]; do sleep 0.02; done
rm on-$gpu
echo 1
"""
_OBJECTIVE = """
import os
import time
from pathlib import Path

import psutil

def objective(trial):
    gpu, pid = os.environ["CUDA_VISIBLE_DEVICES"], os.getpid()
    held = Path(f"on-{gpu}")
    assert not held.exists() or not psutil.pid_exists(int(held.read_text())), f"{held.read_text()} runs on {gpu}"
    held.write_text(str(pid))
    said = Path(f"saying-{pid}")
    said.write_text(gpu)
    said.rename(f"sees-{pid}-{trial.number}")
    while not Path("go").exists():
        time.sleep(0.02)
    held.unlink()
    return trial.suggest_float("x", 0, 1)
"""


def write(folder: Path, kind: str) -> tuple[str, tuple[Direction, ...]]:
    """Write a program or an objective; its reference, and the directions to ask for."""
    if kind == "objective":
        (folder / "tune.py").write_text(_OBJECTIVE)
        return f"{folder / 'tune.py'}:objective", ("minimize",)
    space = 'direction = "minimize"\nspace.x = {type = "float", low = 0.0, high = 1.0}\n'
    (folder / "work.sh").write_text(_PROGRAM)
    (folder / "work.toml").write_text(f'command = ["sh", "work.sh"]\n{space}')
    return str(folder / "work.toml"), ()
