"""The main job: what a person asks, what will be done, and doing it: here (`run.py`), or by a fleet (`submit.py`)."""

__all__ = [
    "opening",
    "plan",
    "request",
    "run",
    "submit",
]
