"""Trials as runs of Weights & Biases, on this machine alone unless $WANDB_MODE says otherwise."""

import contextlib
import hashlib
import math
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from hpo.errors import UsageError
from hpo.observers.destinations.destination import Destination, refuse_unusable
from hpo.observers.events import TrialSettled

__all__ = ["WandbRuns"]

_SECONDS = 10.0  # a server has to take a run; whoever tells us tries again


class WandbRuns(Destination):
    """Writes a run for each trial, once it has ended, grouped by study: PROJECT, or ENTITY/PROJECT.

    Without $WANDB_MODE it is kept in $WANDB_DIR, or in the folder wandb here, for `wandb sync` to send.
    """

    needs: ClassVar = ("wandb", "wandb")

    def __init__(self, target: str) -> None:
        super().__init__(target)
        import wandb

        self._wandb: Any = wandb
        entity, _, self._project = target.rpartition("/")
        self._entity = entity or None
        self._mode = os.environ.get("WANDB_MODE", "offline")

    @classmethod
    def checked(cls, target: str) -> str:
        """The project, as it is. Raises UsageError where it is none."""
        parts = target.split("/")
        if len(parts) > 2 or not all(parts) or any(sign in target for sign in "\\#?%:"):
            raise UsageError(f"--observe wandb:{target:.60} is no project: write wandb:PROJECT or wandb:ENTITY/PROJECT")
        return target

    def trial_settled(self, event: TrialSettled) -> None:
        """Write its run; told again, it is the same run."""
        with self._in_order():
            self._write(event)

    @contextlib.contextmanager
    def _in_order(self) -> Iterator[None]:
        """Raise what W&B keeps to itself, and end its own process after each run.

        It writes a run a moment after it said that it had finished, so only then is the file whole; and a run that it
        began and failed with it would call one in use.
        """
        folder = Path(os.environ.get("WANDB_DIR") or ".") if self._mode == "offline" else None
        if folder is not None:
            refuse_unusable(folder)  # it would go to another folder
        try:
            yield
        except BaseException:
            with contextlib.suppress(Exception):
                self._wandb.teardown(exit_code=1)
            raise
        self._wandb.teardown()
        if folder is not None:
            refuse_unusable(folder)  # a run that the disk had no room for is as good as any to it

    def _write(self, event: TrialSettled) -> None:
        run = self._wandb.init(
            project=self._project,
            entity=self._entity,
            mode=self._mode,
            id=hashlib.sha256(event.id.encode()).hexdigest()[:32],
            resume="allow" if self._mode == "online" else None,
            name=f"{event.study.name} trial {event.trial}",
            group=event.study.name[:120],
            job_type=event.rung[:60],
            tags=[event.outcome],
            notes=event.note or None,
            config={**event.params, "seed": event.seed},
            reinit="finish_previous",
            settings=self._wandb.Settings(
                silent=True, console="off", x_disable_stats=True, disable_git=True, init_timeout=_SECONDS
            ),
        )
        steps: dict[int, dict[str, float]] = defaultdict(dict)
        for step, value in event.curve:
            if math.isfinite(value):
                steps[step][event.study.metrics[0]] = value
        for step in sorted(steps):
            run.log(steps[step], step=step)
        run.summary.update(dict(event.attributes))
        run.summary.update(dict(zip(event.study.metrics, event.values, strict=False)))
        run.summary.update({"outcome": event.outcome, **({"reason": event.reason} if event.reason else {})})
        run.finish(exit_code=1 if event.outcome == "failed" else 0)
