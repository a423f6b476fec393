"""Running trials, losing none: storage, studies, slots, workers and their supervisor.

The face of this layer is these modules, each with one thing to do, so that looking at a study imports nothing that
runs one. The others are their insides.
"""

__all__ = [
    "configurations",
    "doctor",
    "effort",
    "measuring",
    "optimize",
    "plan",
    "progress",
    "request",
    "status",
    "storage",
    "studies",
    "train",
    "url",
]
