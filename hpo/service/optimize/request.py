"""What a person asks of the main job, checked before anything is written."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

from hpo.errors import UsageError
from hpo.service.storage.schema import LONGEST_NAME
from hpo.service.studies.slots import MAX_SLOTS
from hpo.service.workers.effort import Effort, refuse_beyond
from hpo.settings import PRUNERS, SAMPLERS, STALL_SECONDS
from hpo.study import Params

__all__ = ["LIMITS", "Limit", "Request"]

Limit = Literal["trial_timeout", "until"]
"""What a study may keep of its own, for workers anywhere."""

LIMITS: tuple[Limit, ...] = ("trial_timeout", "until")


@dataclass(frozen=True, kw_only=True)
class Request:
    """Bring the study of a definition to `trials` settled slots.

    Raises:
        UsageError: a number is out of range, or a name is unknown.

    """

    definition: str  # as `registry.load` takes it: cnn, package.module:attribute, path/to/file.py:attribute
    trials: int  # slots the study shall have in total, earlier runs included
    storage: str = field(default="sqlite:///hpo.db", repr=False)  # URL; may hold a password, so never print it
    workers: int | None = None
    # processes here; None: one for each usable core, but no more than trials; 0: none, workers elsewhere do it
    space: str | None = None  # None: the definition's first
    fidelity: str | None = None  # None: the definition's first
    sampler: str | None = None  # None: the study's own, or the default where the study is new
    pruner: str | None = None  # None likewise
    seed: int | None = None  # None: the study's own, drawn from the system where the study is new
    name: str | None = None  # of the study; None: DEFINITION-SPACE-FIDELITY
    timeout: float | None = None  # seconds for the whole run; trials in flight are given back
    trial_timeout: float | None = None  # seconds for one trial; a trial over it fails
    until: float | None = None  # stop as soon as the best value is at least this good
    forget: Collection[Limit] = ()  # limits the study keeps and shall have no more
    try_: Sequence[Params] = ()  # configurations to try first, after the baseline
    baseline: bool = True  # try the definition's first baseline before anything else
    lease_seconds: float = 60.0  # a worker that vanished unseen loses its slot after this
    stall_seconds: float = STALL_SECONDS  # without a sign of life (an epoch's end) a worker is taken for hung
    max_attempts: int = 3  # crashes a slot may see before it settles as failed
    memory_limit: int | None = None  # resident bytes past which a worker is replaced; None: see memory.default_limit
    objective: str | None = None
    # package.module:attribute or path/to/file.py:attribute of a function `beat -> objective`, in place of training the
    # definition's models: to search something other than a Keras model

    def __post_init__(self) -> None:
        _ = self.effort  # refuses what is out of range in it
        refuse_beyond("trials", self.trials, 1, MAX_SLOTS)
        if self.name is not None and not (0 < len(self.name) <= LONGEST_NAME and self.name.isprintable()):
            raise UsageError(f"a name must have from 1 to {LONGEST_NAME} printable characters, not {self.name!r:.60}")
        if self.seed is not None:
            refuse_beyond("seed", self.seed, 0, 2**32 - 1)
        if self.until is not None and not math.isfinite(self.until):
            raise UsageError(f"until must be a finite number, not {self.until}")
        if self.objective is not None and self.workers == 0:
            raise UsageError("an objective of one's own is run by workers here: a fleet's have the definition alone")
        for kind, name, known in (("sampler", self.sampler, SAMPLERS), ("pruner", self.pruner, PRUNERS)):
            if name is not None and name not in known:
                raise UsageError(f"there is no {kind} {name!r}; there are: {', '.join(known)}")

    @property
    def effort(self) -> Effort:
        """How the run is carried out."""
        return Effort(
            workers=self.workers,
            timeout=self.timeout,
            trial_timeout=self.trial_timeout,
            lease_seconds=self.lease_seconds,
            stall_seconds=self.stall_seconds,
            max_attempts=self.max_attempts,
            memory_limit=self.memory_limit,
        )

    @property
    def processes(self) -> int:
        """Workers to start."""
        return self.effort.processes(self.trials)
