"""The processes that do the work, and the machines they do it on: workers, their supervisors, GPU leases."""

__all__ = [
    "machine",
    "supervisor",
    "worker",
]
