"""What every worker of a supervisor is told, whether it serves one study or any."""

from collections.abc import Sequence

from hpo.service.hosts.cores import share
from hpo.service.hosts.gpus import Gpu
from hpo.service.hosts.memory import default_limit
from hpo.service.storage import Storage
from hpo.service.supervisors.effort import Effort
from hpo.service.workers.order import WorkOrder

__all__ = ["work_order"]


def work_order(
    storage: Storage, effort: Effort, *, processes: int, there: Sequence[Gpu], workers_per_gpu: int
) -> WorkOrder:
    """The order of each of so many workers of this machine, to serve any study; what else it is, its supervisor adds.

    Args:
        storage: where the studies are.
        effort: the limits of the run.
        processes: workers of the supervisor; they share memory and, without a GPU, cores.
        there: the GPUs they may lease; none: they train on cores.
        workers_per_gpu: workers that may share one.

    """
    return WorkOrder(
        storage=storage.url,
        lease_seconds=effort.lease_seconds,
        stall_seconds=effort.stall_seconds,
        max_attempts=effort.max_attempts,
        memory_limit=effort.memory_limit or default_limit(processes),
        gpus=bool(there),
        workers_per_gpu=workers_per_gpu,
        threads=None if there else share(processes),
    )
