"""Slurm: a fleet is job arrays of one name, each element of them a worker."""

import shutil
from collections.abc import Sequence

from hpo.errors import UsageError
from hpo.fleet.engines.engine_command import output
from hpo.fleet.engines.fleet_engine import EngineError, Job, WorkerJob

__all__ = ["SlurmEngine"]

_ARRAY = 1000  # elements at most: Slurm's MaxArraySize is 1001 unless it was changed
_WARNING = 60  # seconds before its end at which Slurm warns a job, so that it gives back what it has in hand
_ENDED = ("CA", "CD", "F", "NF", "TO", "OOM", "BF", "DL", "PR", "RV", "CG")  # states of those that are over


class SlurmEngine:
    """`sbatch`, `squeue` and `scancel`, of the user who calls them."""

    stays = True

    def __init__(self, job: WorkerJob) -> None:
        """Nothing is submitted yet.

        Raises:
            UsageError: Slurm has no such thing as is asked for.
            EngineError: there is no Slurm here.

        """
        if 0 < job.gpus < 1:
            raise UsageError(
                f"Slurm gives whole GPUs, not {job.gpus:g} of one; where it is set up for parts, ask for them in its "
                "own words: -- --gres=shard:1"
            )
        missing = [tool for tool in ("sbatch", "squeue", "scancel") if shutil.which(tool) is None]
        if missing:
            raise EngineError(f"there is no {missing[0]} here: run this where Slurm's jobs are submitted from")
        self._job = job

    def jobs(self) -> Sequence[Job]:
        """Elements of its arrays that wait or run."""
        lines = self._run(
            "squeue", "--me", "--noheader", "--array", f"--name={self._job.label}", "--format=%i|%t|%N|%M"
        )
        found = [line.strip().split("|") for line in lines.splitlines() if line.strip()]
        return [
            Job(id=each, state="pending" if state == "PD" else "running", where=node, seconds=_seconds(passed))
            for each, state, node, passed in found
            if state not in _ENDED
        ]

    def start(self, number: int) -> None:
        """Submit them as arrays."""
        job = self._job
        words = [f"--job-name={job.label}", "--parsable", "--ntasks=1"]
        if job.cpus is not None:
            words.append(f"--cpus-per-task={job.cpus}")
        if job.gpus:
            words.append("--gpus-per-task=1")
        if job.walltime is not None:
            words.append(f"--time={-(-job.walltime // 60)}")  # a worker ends by itself before it
        else:
            words.append(f"--signal=B:TERM@{_WARNING}")
        while number > 0:
            size = min(number, _ARRAY)
            self._run("sbatch", *words, f"--array=0-{size - 1}", *job.extra, script=job.script)
            number -= size

    def end(self, jobs: Sequence[Job]) -> None:
        """Cancel them: Slurm sends SIGTERM, and SIGKILL half a minute later."""
        for first in range(0, len(jobs), _ARRAY):
            self._run("scancel", *(job.id for job in jobs[first : first + _ARRAY]))

    def _run(self, *words: str, script: str = "") -> str:
        """What a command of Slurm's prints. Raises EngineError."""
        return output(words, stdin=script, environment=self._job.environment)


def _seconds(passed: str) -> float | None:
    """[DAYS-][HOURS:]MINUTES:SECONDS, as Slurm writes it, in seconds."""
    days, _, clock = passed.rpartition("-")
    try:
        parts = [int(part) for part in clock.split(":")]
        total = 0
        for part in parts:
            total = total * 60 + part
        return float(total + 86_400 * int(days or 0))
    except ValueError:
        return None
