"""The main job, `hpo optimize`: what a person asks, what will be done, and doing it."""

__all__ = [
    "plan",
    "request",
    "run",
]
