"""Which engines there are."""

from hpo.errors import UsageError
from hpo.fleet.engines.fleet_engine import Engine, WorkerJob

__all__ = ["ENGINES", "engine"]

ENGINES = ("local", "slurm", "ray", "kubernetes")


def engine(name: str, job: WorkerJob) -> Engine:
    """The engine of that name for the workers of one fleet.

    Raises:
        UsageError: there is no such engine, or it has not what is asked for.
        EngineError: it is not to be had here.

    """
    if name == "local":
        from hpo.fleet.engines.local_engine import LocalEngine

        return LocalEngine(job)
    if name == "slurm":
        from hpo.fleet.engines.slurm_engine import SlurmEngine

        return SlurmEngine(job)
    if name == "ray":
        from hpo.fleet.engines.ray_engine import RayEngine

        return RayEngine(job)
    if name == "kubernetes":
        from hpo.fleet.engines.kubernetes_engine import KubernetesEngine

        return KubernetesEngine(job)
    raise UsageError(
        f"there is no engine {name!r}, only {', '.join(ENGINES)}; docs/clusters.md says how any other starts workers"
    )
