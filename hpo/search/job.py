"""A job: one configuration to train with one seed on rows the job names. What a slot of a measurement carries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from hpo.errors import UsageError
from hpo.search.suggest import digest
from hpo.study import Params

__all__ = ["Job", "RowsKind"]

RowsKind = Literal["development", "share", "resampled", "validation"]
"""Which rows a job trains on and is scored on, all drawn by the job's seed:

development  trained on all development rows, scored on the test rows: as the report did
share        trained on a new 90 % of the development rows, scored on the test rows
resampled    train and test rows drawn anew from all rows, as many test rows as there are
validation   the holdout or the folds of a search, at its fidelity: no test row is seen
"""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One training to do. Two jobs with one seed and the same rows differ in their configuration alone: a pair.

    Raises:
        UsageError: `rows` is none of `RowsKind`, or the seed is no whole number from 0 to 2^32 - 1.

    """

    rows: RowsKind
    params: Params  # the whole configuration, in the words of the study's space
    seed: int  # of the rows, the weights and the batches
    note: str = ""  # for a person: "layers 3/6, repeat 2"; says nothing of what is done
    keep: bool = False  # keep what the trained model says of each test row

    def __post_init__(self) -> None:
        if self.rows not in get_args(RowsKind):
            raise UsageError(f"a job's rows are one of {', '.join(get_args(RowsKind))}, not {self.rows!r}")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed < 2**32:
            raise UsageError(f"a job's seed must be a whole number from 0 to {2**32 - 1:,}, not {self.seed!r}")
        if self.keep and self.rows == "validation":
            raise UsageError("a job on validation rows sees no test row, so it can keep no predictions of one")

    @property
    def key(self) -> str:
        """What is trained, as 64 hexadecimal digits, the same in every process; neither note nor keep counts."""
        return digest({"rows": self.rows, "seed": self.seed, "params": digest(self.params)})

    def to_payload(self) -> dict[str, Any]:
        """What a slot keeps of it, as JSON knows it."""
        job = {"rows": self.rows, "seed": self.seed, "note": self.note, "keep": self.keep}
        return {"params": dict(self.params), "job": job}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> "Job":
        """The job of a slot. Raises KeyError where the slot has none."""
        return cls(params=dict(payload["params"]), **payload["job"])
