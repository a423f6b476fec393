"""What a person asks of a search, checked before anything is written."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hpo.errors import UsageError
from hpo.fleet.run_limits import Limits, refuse_beyond
from hpo.observers.naming import Named
from hpo.observers.observer import Observer
from hpo.settings import PRUNERS, SAMPLERS
from hpo.storage.slots.slots import MAX_SLOTS
from hpo.storage.studies.study_record import refuse_odd_name
from hpo.study import Direction, Params
from hpo.study.direction import MAXIMIZE, MINIMIZE

__all__ = ["Limit", "Request"]

Limit = Literal["trial_timeout", "until"]
"""What a study may keep of its own, for workers anywhere."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """Bring the study of a definition to `trials` settled slots.

    Raises:
        UsageError: a number is out of range, or a name is unknown.

    """

    definition: str  # as `registry.find` takes it: cnn, package.module:attribute, path/to/file.py:attribute
    trials: int  # slots the study shall have in total, earlier runs included
    storage: str = field(default="sqlite:///hpo.db", repr=False)  # URL; may hold a password, so never print it
    space: str | None = None  # None: the definition's first
    fidelity: str | None = None  # the one to stay on; None: the search climbs all of the definition's
    sampler: str | None = None  # None: the study's own, or the default where the study is new
    pruner: str | None = None  # None likewise
    directions: tuple[Direction, ...] = ()  # of an objective that does not say its own; empty: it does, or its study
    metrics: tuple[str, ...] = ()  # what the values of trials that a program asks for are called; empty: value
    seed: int | None = None  # None: the study's own, drawn from the system where the study is new
    name: str | None = None  # of the study; None: DEFINITION-SPACE, and -FIDELITY where it stays on one
    until: float | None = None  # stop as soon as the best value is at least this good
    forget: Collection[Limit] = ()  # limits the study keeps and shall have no more
    try_: Sequence[Params] = ()  # configurations to try first, after the baseline
    try_file: Path | None = None  # JSON file with more of them
    prior: str | None = None  # the hand-picked configuration: a baseline, or a JSON file; None: the first baseline
    from_study: str | None = None  # name of an earlier search; what it found is what the sampler begins with
    limits: Limits = field(default_factory=Limits)  # of the run: by how many workers here, and for how long
    objectives: str | None = None  # METRIC,COST[,COST] to search a Pareto front of; None: the metric alone
    objective: str | None = None
    # package.module:attribute or path/to/file.py:attribute of a function `beat -> objective`, in place of training the
    # definition's models: to search something other than a Keras model
    here: bool = False  # whether one worker does it within this process, as no other process can load the definition
    observers: Sequence[Named | Observer] = field(default=(), repr=False)  # who is told of the study while it runs
    climb: bool = False  # whether such an objective climbs: a trial of it says on which rung it is (system attributes)

    def __post_init__(self) -> None:
        refuse_beyond("trials", self.trials, 1, MAX_SLOTS)
        if self.name is not None:
            refuse_odd_name(self.name)
        if self.seed is not None:
            refuse_beyond("seed", self.seed, 0, 2**32 - 1)
        for word in self.directions:
            if word not in (MAXIMIZE, MINIMIZE):
                raise UsageError(f"direction is maximize or minimize, or several of these, not {word!r:.60}")
        if self.until is not None and not math.isfinite(self.until):
            raise UsageError(f"until must be a finite number, not {self.until}")
        if self.objective is not None and self.limits.workers == 0:
            raise UsageError("an objective of one's own is run by workers here: a fleet's have the definition alone")
        if self.objectives is not None:
            self._refuse_front()
        for kind, name, known in (("sampler", self.sampler, SAMPLERS), ("pruner", self.pruner, PRUNERS)):
            if name is not None and name not in known:
                raise UsageError(f"there is no {kind} {name!r}; there are: {', '.join(known)}")

    def _refuse_front(self) -> None:
        """Refuse what cannot go with several objectives."""
        if self.pruner not in (None, "none"):
            raise UsageError(
                f"a search with several objectives prunes nothing, so not by {self.pruner}: leave --pruner out"
            )
        if self.sampler == "cmaes":
            raise UsageError("sampler cmaes searches for one objective: with --objectives use tpe or nsga2")
        if self.until is not None:
            raise UsageError("--until names one value, and --objectives search a front: leave one of them out")

    @property
    def processes(self) -> int:
        """Workers to start; 0: none, workers elsewhere do it."""
        return 1 if self.here else self.limits.processes(self.trials)
