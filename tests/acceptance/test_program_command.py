"""`hpo` on a program: from its file to its best trial, through a killed worker, a failure and one that hangs."""

import json
from pathlib import Path

import psutil
import pytest
from command import Hpo

WORK = """
n=$1
worker=$(cut -d' ' -f4 /proc/$PPID/stat)
if [ $n = 2 ] && mkdir killed 2>/dev/null; then
    echo $$ > killed/pid
    kill -9 $worker
    sleep 1000
fi
if [ $n = 3 ]; then
    trap '' TERM
    echo $$ > hung
    while true; do sleep 1; done
fi
if [ $n = 4 ]; then echo no memory for that >&2; exit 5; fi
echo $n
"""
FILE = """
command = ["sh", "work.sh", "{n}"]
direction = "minimize"
grace = 0.2
space.n = { type = "int", low = 1, high = 5 }
"""


@pytest.mark.thorough
def test_each_way_a_program_ends_counts_once_and_leaves_no_process(hpo: Hpo, folder: Path) -> None:
    (folder / "work.sh").write_text(WORK)
    (folder / "work.toml").write_text(FILE)
    words = ("--trials", 5, "--workers", 1, "--sampler", "grid", "--trial-timeout", "12s", "--json")
    done = hpo("optimize", "work.toml", *words)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert (found["study"], found["target"], found["settled"]) == ("work", 5, 5)
    assert (found["complete"], found["failed"]) == (3, 2)
    processes = [psutil.Process(pid) for pid in map(_pid, (folder / "killed/pid", folder / "hung")) if pid is not None]
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert not alive
    rows = json.loads(hpo("export", "work", "-o", "-", "--format", "json").out)
    reasons = {row["params"]["n"]: row["reason"] for row in rows["trials"] if row["outcome"] == "failed"}
    assert reasons[4] == "exit code 5: no memory for that"
    assert "12 s" in reasons[3]
    number = next(row["number"] for row in rows["trials"] if row["params"].get("n") == 4)
    assert "no memory for that" in hpo("trial", "work", number).out
    best = json.loads(hpo("best", "work", "--json").out)
    assert (best["value"], best["params"]) == (1, {"n": 1})
    shown = json.loads(hpo("show", "work.toml", "--json").out)
    assert shown["command"] == ["sh", "work.sh", "{n}"]
    refused = hpo("compare", "work")
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert (
        "takes no seed from its trial, so no two runs of it make a pair: have it draw its chance from a seed"
        in refused.err
    )
    refused = hpo("optimize", "work.toml", "--trials", 5, "--space", "wide")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "has one space, that of its file" in refused.err


def _pid(file: Path) -> int | None:
    pid = int(file.read_text())
    return pid if psutil.pid_exists(pid) else None
