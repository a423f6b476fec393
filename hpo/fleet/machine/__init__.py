"""The machines work is done on: their cores, memory and GPUs, the processes on them, and who leases which GPU."""

__all__ = [
    "cgroups",
    "cores",
    "gpu_leases",
    "gpus",
    "interpreter",
    "memory",
    "visible_gpus",
]
