"""One unit of a study's trial budget, how many of them are in which state, and the news that one is lost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hpo.study import Params

__all__ = ["Counts", "Incumbent", "LeaseLost", "Outcome", "RungCounts", "Slot", "State"]

State = Literal["waiting", "open", "leased", "settled"]
"""Waiting: for a configuration that is promoted to it; all others may be claimed, are held, or are done."""

Outcome = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True, kw_only=True)
class Slot:
    """A slot as it was when read. Its id, attempt and worker together are the token of a lease."""

    id: int  # never used twice in one database
    study: str  # name
    study_id: int  # never used twice in one database either
    rung: int = 0  # from 0, the lowest
    position: int  # on its rung, from 0
    highest: bool = True  # whether it is of the study's highest fidelity, whose values alone are compared
    payload: Mapping[str, object] = field(
        default_factory=dict
    )  # what was asked for: {"params": …}, of a job {"params": …, "job": …}, or empty
    state: State
    attempt: int  # claims so far, this one included
    handed_back: int = 0  # claims given back; these count as no attempt
    turn: int = 0  # slots of the lowest are taken first: attempt, less 1 once one of them was given back
    worker: str | None = None  # who holds it, or held it last
    started_at: float | None = None  # of the last claim, seconds since 1970
    lease_expires_at: float | None = None  # seconds since 1970
    trial_number: int | None = None  # Optuna's number of the trial of the last attempt
    params: Params | None = None  # the whole configuration, once it is known
    digest: str | None = None  # of the configuration; of a job: its key
    outcome: Outcome | None = None
    value: float | None = None  # None where there is none; a pruned trial's is its last report
    further: tuple[float, ...] = ()  # values of the objectives after the first; empty where there is one
    reason: str | None = None  # why it was pruned or failed, or why its last attempt was given up
    traceback: str | None = None
    settled_at: float | None = None  # seconds since 1970

    @property
    def tries(self) -> int:
        """Attempts that count against the limit."""
        return self.attempt - self.handed_back

    @property
    def lost(self) -> int:
        """Attempts that came to nothing and count: their process died, ran out of memory, or its lease ran out."""
        return max(0, self.tries - (self.state != "open"))

    @property
    def fixed(self) -> Params:
        """The parameters a trial of this slot must take: those asked for and, on a retry, those drawn before."""
        asked = self.payload.get("params") or {}
        assert isinstance(asked, Mapping)
        return {**asked, **(self.params or {})}


@dataclass(frozen=True, kw_only=True)
class Incumbent:
    """The configuration a study has found so far: of those trained most often at the highest fidelity the best."""

    slot: Slot  # its first training there
    value: float  # the mean over its trainings there
    trainings: int  # 1: it is the value of a single one, which is the best of many and so partly luck

    @property
    def confirmed(self) -> bool:
        """Whether it was trained again."""
        return self.trainings > 1


@dataclass(frozen=True, kw_only=True)
class Counts:
    """The slots of one study by what became of them: target = settled + running + open."""

    target: int
    settled: int  # = complete + pruned + failed
    complete: int
    pruned: int
    failed: int
    running: int  # leased, the lease not run out
    open: int  # waiting for a worker, for another one after the lease ran out, or for a promotion


@dataclass(frozen=True, kw_only=True)
class RungCounts:
    """The slots of one rung of a study."""

    rung: int  # from 0, the lowest
    target: int
    settled: int
    waiting: int  # for a configuration to be promoted


class LeaseLost(Exception):  # noqa: N818 - an outcome
    """The slot has passed to somebody else, so whatever this trial finds will be dropped.

    No TrialError: those are outcomes of a trial, which this one no longer has.
    """
