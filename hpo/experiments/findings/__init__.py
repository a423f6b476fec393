"""All that a report tells about one search, read from the storage: nothing is trained.

The face is the records; `gathering.py` fills them, from its neighbours.
"""

from hpo.experiments.findings.findings_record import (
    CurvePair,
    Curves,
    Findings,
    Missing,
    Predictions,
    ProbedNetwork,
    Provenance,
    TrialPoint,
)

__all__ = [
    "CurvePair",
    "Curves",
    "Findings",
    "Missing",
    "Predictions",
    "ProbedNetwork",
    "Provenance",
    "TrialPoint",
]
