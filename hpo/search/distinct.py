"""A sampler around a sampler: no configuration twice.

Optuna's samplers draw one parameter after another and may come back to what was tried, most of all in small spaces and
with several workers. This one lets the sampler inside draw a whole configuration, looks whether the study has tried
it, and draws again where it has. Which ones were tried is kept up to date at the cost of the new trials, not of all.

Of a long study a worker sees only a window (`hpo.search.trial_window`), so what was tried before that it does not know
of. Then the claim says so, and where a space comes to its end the storage is asked what is free, many at once.
"""

import logging
import threading
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hpo.optuna_internals import FIXED_PARAMS, FROM, contains, forget_trials_at_hand, study_id, trial_id, trials_at_hand
from hpo.search.cost_weighing import CostWeighing
from hpo.search.seeds import derive, rung
from hpo.search.suggest import digest, distributions
from hpo.study import ParamValue, Space

__all__ = [
    "Claim",
    "DistinctSampler",
    "Free",
    "Tried",
]


class Tried:
    """The digests of the configurations that a study's trials have, had, or are about to have.

    Failed trials do not count: a superseded attempt's configuration comes back with the next attempt. What `add` put
    in stays. Safe to share between threads.
    """

    def __init__(self, space: Space, *, bounded: bool = False) -> None:
        self._space = space
        self._bounded = bounded  # whether to forget what is in no trial at hand, once that is much
        self._lock = threading.Lock()
        self._study: int | None = None  # Optuna's id of the study that was read
        self._newest = -1  # number of the last trial of it seen so far
        self._open: set[int] = set()  # of those, the numbers of the unfinished ones
        self._done: set[str] = set()  # digests of finished trials, and of what `add` was given
        self._pending: set[str] = set()  # digests of unfinished trials, read anew each time

    def __len__(self) -> int:
        with self._lock:
            return len(self._done) + len(self._pending - self._done)

    def add(self, fingerprint: str) -> bool:
        """Take a configuration; False where it was tried before or another thread took it."""
        with self._lock:
            if fingerprint in self._done or fingerprint in self._pending:
                return False
            self._done.add(fingerprint)
            return True

    def refresh(self, study: Study, *, without: int) -> None:
        """Read what has changed in the study's trials; the one numbered `without`, which is asking, does not count."""
        # Of the cache that the sampler inside reads too, renewed when the trial began: to ask the storage again costs
        # as much as to draw, and what another process has begun since, only a claim can tell.
        trials = trials_at_hand(study)
        with self._lock:
            another = self._study != study_id(study) or (without <= self._newest and without not in self._open)
            if another or (self._bounded and len(self._done) > max(_REMEMBERED, 2 * len(trials))):
                self._study, self._newest = study_id(study), -1
                self._open, self._done = set(), set()
            newest = trials[-1].number if trials else -1
            opened, self._open = self._open, {number for number in self._open if number > newest}
            self._pending = set()
            for trial in trials[bisect_left(trials, min(opened, default=self._newest + 1), key=_number) :]:
                if trial.number > self._newest or trial.number in opened:
                    self._look(trial, without)
            self._newest = max(self._newest, newest)

    def _look(self, trial: FrozenTrial, without: int) -> None:
        if FROM in trial.system_attrs:
            return  # found by another study: it may be worth a trial here
        if trial.state in (TrialState.COMPLETE, TrialState.PRUNED):
            self._done.add(digest(trial.params))
        elif not trial.state.is_finished():
            self._open.add(trial.number)
            # Given params are there from a trial's creation, drawn ones only when the last of them is stored.
            params = {**trial.system_attrs.get(FIXED_PARAMS, {}), **trial.params}
            if trial.number != without and self._space.problem(params) is None:
                self._pending.add(digest(params))


def _number(trial: FrozenTrial) -> int:
    return trial.number


Claim = Callable[[int, str], bool]
"""(Optuna's id of a trial, digest of a configuration) -> whether the configuration is now this trial's alone."""

Free = Callable[[Sequence[str]], Collection[str]]
"""Digests of configurations -> those of them that no trial of the study has claimed."""

_ENUMERABLE = 1_000_000  # configurations of a space that are walked through to find one that is left
_REMEMBERED = 20_000  # digests, 3 MB
_AT_ONCE = 1000  # configurations asked about in one statement
_log = logging.getLogger("hpo.search")


class DistinctSampler(BaseSampler):
    """Draws from `inner`, and again where the configuration was tried before or `claim` refuses it.

    After `redraws` further draws from `inner` come `random_draws` uniform ones, then, where the space is finite, a walk
    through it to the first configuration that is left. A space that is used up gives repeats. Parameters that are
    given to a trial (enqueued, or of an earlier attempt) are left alone; with all of them given nothing is drawn.

    Of what `inner` draws, what is dear is accepted as `weighing` says. Given parameters are nobody's draw: a trial that
    has some is not weighed.

    While nothing collides and nothing is weighed the draws are those of `inner`, number for number.
    """

    def __init__(
        self,
        inner: BaseSampler,
        space: Space,
        *,
        seed: int,  # of the uniform draws
        claim: Claim | None = None,  # makes the choice safe between processes
        redraws: int = 3,  # of `inner`: each costs as much as the first, and repeats mean that it has converged
        random_draws: int = 100,
        weighing: CostWeighing | None = None,  # None: costs have no say
        free: Free | None = None,  # of a study that is seen through a window; None: all of its trials are seen
    ) -> None:
        self.inner = inner
        self._space = space
        self._distributions = distributions(space)
        self._size = space.size
        self._random = RandomSampler(seed=derive(seed, "distinct"))
        self._claim = claim
        self._weighing = weighing
        self._looks = RandomSampler(seed=weighing.looks_seed) if weighing is not None else self._random
        self._draws = (inner,) * (1 + redraws) + (self._random,) * random_draws
        self._free = free
        self._tried = Tried(space, bounded=free is not None)
        self._used_up = False  # whether nothing was left when it was last looked for
        self._warned = False

    def __str__(self) -> str:
        return str(self.inner)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:  # noqa: ARG002
        """Every parameter of the space: `sample_relative` draws them all."""
        return self._distributions

    def sample_relative(
        self,
        study: Study,
        trial: FrozenTrial,
        search_space: dict[str, BaseDistribution],  # noqa: ARG002 - always the whole space
    ) -> dict[str, Any]:
        """A whole configuration: the parameters that are active in it."""
        given = trial.system_attrs.get(FIXED_PARAMS, {})
        if rung(trial.system_attrs):
            return dict(given)  # it climbed: its configuration was tried, and is to be
        joint = self.inner.infer_relative_search_space(study, trial)
        self._tried.refresh(study, without=trial.number)
        first: dict[str, ParamValue] = {}
        for sampler in self._draws:
            params = self._weighed(sampler, study, trial, joint, given)
            first = first or params
            if self._exhausted():
                return first
            if self._take(trial, params):
                return params
        return self._left(trial, given) or first

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A parameter the space does not have, or one that given parameters brought to life: as `inner` draws it."""
        return self.inner.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Pass on to `inner`."""
        # Optuna's samplers read a cache of the trials that only `study.ask` and `tell` renew. A trial that was created
        # through the storage begins here, so renew it here.
        forget_trials_at_hand(study)
        self.inner.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Pass on to `inner`."""
        self.inner.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """Pass on to `inner`, and reseed the uniform draws."""
        self.inner.reseed_rng()
        self._random.reseed_rng()
        if self._weighing is not None:
            self._weighing.reseed()

    def _weighed(
        self,
        sampler: BaseSampler,
        study: Study,
        trial: FrozenTrial,
        joint: dict[str, BaseDistribution],
        given: Mapping[str, ParamValue],
    ) -> dict[str, ParamValue]:
        """As `_draw`; drawn again, a few times at the most, where it is `inner` that draws and costs too much."""
        draw = partial(self._draw, sampler, study, trial, joint, given)
        if self._weighing is None or sampler is not self.inner or given:
            return draw()
        return self._weighing.choose(study, draw, partial(self._draw, self._looks, study, trial, {}, {}))

    def _draw(
        self,
        sampler: BaseSampler,
        study: Study,
        trial: FrozenTrial,
        joint: dict[str, BaseDistribution],
        given: Mapping[str, ParamValue],
    ) -> dict[str, ParamValue]:
        """One configuration, drawn in the order and by the rules of `optuna.Trial`."""
        relative = sampler.sample_relative(study, trial, joint)
        params: dict[str, ParamValue] = {}
        for name, wanted in self._distributions.items():
            if not self._space.is_active(name, params):
                continue
            if name in given:
                value = given[name]
            elif name in relative and _contains(wanted, relative[name]):
                value = relative[name]
            else:
                value = _only(wanted) if wanted.single() else sampler.sample_independent(study, trial, name, wanted)
            params[name] = wanted.to_external_repr(wanted.to_internal_repr(value))  # Python's numbers, not NumPy's
        return params

    def _take(self, trial: FrozenTrial, params: dict[str, ParamValue]) -> bool:
        fingerprint = digest(params)
        # What another process claimed stays in the set: it will be tried, there.
        return self._tried.add(fingerprint) and (self._claim is None or self._claim(trial_id(trial), fingerprint))

    def _left(self, trial: FrozenTrial, given: Mapping[str, ParamValue]) -> dict[str, ParamValue] | None:
        """The first configuration in declared order that nobody has tried; None where there is none to be found."""
        if self._size is None or self._size > _ENUMERABLE:
            return None
        for params in self._untried(given):
            if self._take(trial, params):
                return params
        # The walk took what it had not seen itself, and was refused: all of the space was tried.
        self._used_up = self._free is not None and not given
        return None

    def _untried(self, given: Mapping[str, ParamValue]) -> Iterator[dict[str, ParamValue]]:
        """The configurations that agree with what is given, in declared order; without those known to be claimed."""
        every = (
            params
            for params in self._space.configurations()
            if all(name not in params or params[name] == value for name, value in given.items())
        )
        if self._free is None:
            yield from every
            return
        while several := {digest(params): params for params in islice(every, _AT_ONCE)}:
            free = set(self._free(list(several)))
            yield from (params for fingerprint, params in several.items() if fingerprint in free)

    def _exhausted(self) -> bool:
        if not self._used_up and (self._size is None or len(self._tried) < self._size):
            return False
        if not self._warned:
            _log.warning("all %d configurations of space %r were tried; repeating", self._size, self._space.name)
            self._warned = True
        return True


def _contains(wanted: BaseDistribution, value: Any) -> bool:
    return contains(wanted, wanted.to_internal_repr(value))


def _only(wanted: BaseDistribution) -> Any:
    """The value of a distribution that has but one."""
    low = getattr(wanted, "low", None)
    return low if low is not None else wanted.to_external_repr(0)
