"""The workers there are, as the database knows them: who they are, when last heard of, by which clock."""

__all__ = [
    "database_clock",
    "liveness",
    "machine_identity",
    "worker_registry",
]
