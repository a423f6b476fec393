"""The processes that do the work: workers, which train, and supervisors, which start and watch them.

What both of them need is here: their orders and events (`protocol.py`), the limits of a run (`run_limits.py`), what
the machine has of cores, memory and GPUs (`resources.py`, `gpus.py`) and who leases which GPU (`gpu_leases.py`).
`engines` has workers started elsewhere, as many as are wanted.
"""

__all__ = [
    "engines",
    "gpu_leases",
    "gpus",
    "protocol",
    "resources",
    "run_limits",
    "supervisor",
    "worker",
]
