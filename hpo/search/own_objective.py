"""An Optuna objective or a program of somebody's own, as a worker runs it: seeded, and alive while its process is."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from optuna.pruners import BasePruner
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial

from hpo.errors import DefinitionError
from hpo.optuna_internals import ATTEMPT, FIXED_PARAMS, JOB, trial_id
from hpo.search.distinct import Claim
from hpo.search.program_trial import ProgramTrial
from hpo.search.seeds import SEED, position, rung, trial_seed
from hpo.search.suggest import digest
from hpo.study import Params
from hpo.study.plain_objective import PlainObjective
from hpo.study.program import Program

__all__ = ["AlivePruner", "OwnObjective"]

_BEAT = 1.0  # seconds between signs of life
_NOTED = ("rows", "note")  # of a job, beside its seed


class OwnObjective:
    """Calls the function with the trial; what it returns, raises, reports and notes is its own affair.

    Nobody can tell one that works from one that hangs, so it counts as alive while its process is; a limit on a trial's
    time ends it. The trial's seed is its user attribute `seed`, as `hpo.seed` gives it.
    """

    def __init__(
        self,
        definition: PlainObjective,
        *,
        seed: int,
        beat: Callable[[], None] | None = None,
        claim: Claim | None = None,
    ) -> None:
        """As a study needs it.

        Args:
            definition: whose function it is.
            seed: the study's; the seed of each trial follows from it and the trial's position.
            beat: called about once a second while the function runs, from another thread.
            claim: told the configuration at the end: by it the trial is promoted, unless another one had it before.

        Raises:
            DefinitionError: there is no function to call: a program asks for its trials.

        """
        function = definition.function
        if function is None:
            raise DefinitionError("its trials are asked for by a program (hpo.Study.ask), which no worker can run")
        self.definition = definition
        self._seed = seed
        beat = beat or (lambda: None)
        self._run: Callable[[Trial], Any] = (
            ProgramTrial(function, beat) if isinstance(function, Program) else _Beating(function, beat)
        )
        self._claim = claim

    def __call__(self, trial: Trial) -> Any:
        """What the function returns. Raises whatever it raises, and ValueError where it took another configuration."""
        attributes = trial.storage.get_trial_system_attrs(trial_id(trial))
        job: Mapping[str, Any] = attributes.get(JOB) or {}
        level = rung(attributes)
        trial.set_user_attr(SEED, job.get(SEED, trial_seed(self._seed, position(attributes, trial.number), level)))
        for name in _NOTED:
            if job.get(name):
                trial.set_user_attr(name, job[name])
        value = self._run(trial)
        if attributes.get(ATTEMPT, 1) == 1:
            _refuse_mistaken(attributes.get(FIXED_PARAMS, {}), trial.params, whole=bool(job))
        if self._claim is not None and not job and not level:
            self._claim(trial_id(trial), digest(trial.params))
        # A measurement is of the first value alone, which is what a search's best is the best of.
        return value[0] if job and len(self.definition.directions) > 1 else value


class _Beating:
    """A function that beats while it runs."""

    def __init__(self, function: Callable[[Trial], Any], beat: Callable[[], None]) -> None:
        self._function = function
        self._beat = beat

    def __call__(self, trial: Trial) -> Any:
        with _alive(self._beat):
            return self._function(trial)


class AlivePruner(BasePruner):
    """A pruner that gives a sign of life first, by which a trial learns that its slot went to somebody else."""

    def __init__(self, inner: BasePruner, beat: Callable[[], None]) -> None:
        self._inner = inner
        self._beat = beat

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether `inner` would stop the trial. Raises what the sign of life raises."""
        self._beat()
        return self._inner.prune(study, trial)


def _refuse_mistaken(given: Params, suggested: Params, *, whole: bool) -> None:
    """Refuse a configuration that was given and is not the one that ran: Optuna takes no notice of a name misspelt.

    Raises:
        ValueError: it names what the objective did not suggest; or, where it is to be whole, it does not name all.

    """
    known = ", ".join(suggested) or "nothing"
    if unknown := [name for name in given if name not in suggested]:
        raise ValueError(f"the configuration names {unknown[0]!r}, and the objective suggested {known}")
    if whole and (missing := [name for name in suggested if name not in given]):
        raise ValueError(f"the configuration does not name {missing[0]!r}, which the objective suggests")


@contextlib.contextmanager
def _alive(beat: Callable[[], None]) -> Iterator[None]:
    """While inside, beat; until a beat fails, which the trial's end finds out by itself."""
    done = threading.Event()

    def run() -> None:
        with contextlib.suppress(Exception):
            while not done.wait(_BEAT):
                beat()

    thread = threading.Thread(target=run, name="alive", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
