"""The machines work is done on: their cores, memory and GPUs, the processes on them, and who leases which GPU."""

__all__ = [
    "cgroups",
    "clock",
    "cores",
    "gpus",
    "interpreter",
    "liveness",
    "machine",
    "memory",
    "roster",
    "seats",
    "visible",
]
