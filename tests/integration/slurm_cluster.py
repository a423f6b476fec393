"""A Slurm of one node with two places, started here out of Debian's packages `slurm-wlm`; it takes no munge."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

__all__ = ["MISSING", "SlurmCluster"]

MISSING = next((tool for tool in ("slurmctld", "slurmd", "sbatch") if shutil.which(tool) is None), None)
"""The first of its programs that is not there; None: all are."""

_CONF = """
ClusterName=hpo
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld_port}
SlurmdPort={slurmd_port}
AuthType=auth/none
CredType=cred/none
AuthInfo=cred_expire=5
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,defer
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=15
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=1000 State=UNKNOWN
PartitionName=low Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=high Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10
"""


class SlurmCluster:
    """Controller and node, both on this machine, until `close`."""

    def __init__(self, folder: Path) -> None:
        """Start them."""
        self.folder, self.host = folder, socket.gethostname()
        for name in ("state", "spool"):
            (folder / name).mkdir(parents=True)
        self.conf = folder / "slurm.conf"
        ports = {"ctld_port": _free_port(), "slurmd_port": _free_port()}
        self.conf.write_text(_CONF.format(host=self.host, folder=folder, cpus=max(2, os.cpu_count() or 2), **ports))
        self.environment = {**os.environ, "SLURM_CONF": str(self.conf)}
        self._processes = [
            subprocess.Popen([shutil.which(name) or name, "-D", *more], env=self.environment, stderr=subprocess.DEVNULL)
            for name, *more in (("slurmctld", "-c"), ("slurmd",))
        ]
        self.until(lambda: "idle" in self.run("sinfo", "--noheader", "--format=%t", check=False))

    def run(self, *words: str, check: bool = True) -> str:
        """What one of Slurm's commands prints."""
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout

    def jobs(self) -> list[str]:
        """State and name of what waits or runs."""
        return self.run("squeue", "--noheader", "--array", "--format=%t %j").splitlines()

    def until(self, condition: Callable[[], object], seconds: float = 120) -> None:
        """Wait for something that it does."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.1)

    def logs(self) -> str:
        """The end of what controller and node said."""
        return "\n".join(path.read_text()[-3000:] for path in sorted(self.folder.glob("*.log")))

    def close(self) -> None:
        """End every job, then the node and the controller."""
        with suppress(AssertionError, subprocess.TimeoutExpired):
            self.run("scancel", "--me")
            self.until(lambda: not self.jobs(), 60)
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
