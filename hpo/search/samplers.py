"""Samplers by name, each refused with a reason where it cannot work."""

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, NSGAIISampler, QMCSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from hpo.errors import UsageError
from hpo.messages import did_you_mean
from hpo.search.cost_weighing import Cost, CostWeighing
from hpo.search.distinct import Claim, DistinctSampler, Free
from hpo.search.parzen import ParzenSampler
from hpo.search.seeds import derive, position, sampler_seed
from hpo.search.suggest import distributions
from hpo.settings import SAMPLERS
from hpo.study import Categorical, Space
from hpo.study.open_space import DefineByRun

__all__ = [
    "GRID_LIMIT",
    "POPULATION",
    "WEIGHED",
    "GridSampler",
    "make_sampler",
]

GRID_LIMIT = 10_000  # configurations; nobody finishes a larger grid, and a part of one varies only the last parameters
POPULATION = 20  # trials of one NSGA-II generation; Optuna's 50 would make a search of 50 trials a random one

WEIGHED = ("tpe", "random")
"""Samplers whose draws are weighed by cost. The others lay out points that belong together (qmc, grid, the generations
of cmaes and nsga2) or have one best point, and would give it again (gp)."""


def make_sampler(
    name: str,
    *,
    space: Space,
    seed: int,
    worker: str = "",
    claim: Claim | None = None,
    cost: Cost | None = None,
    free: Free | None = None,
) -> BaseSampler:
    """A sampler that never draws a configuration of `space` twice while there is another.

    Of a space that its objective defines as it runs it is Optuna's own, which promises nothing of the kind.

    Args:
        name: a key of `hpo.settings.SAMPLERS`.
        space: what is searched.
        seed: the study's seed.
        worker: who draws; two workers of a study must differ in it, else they begin with the same trials.
        claim: makes the choice of a configuration safe between processes.
        cost: of a configuration, which samplers that draw from a density (`WEIGHED`) weigh; None: it has no say.
        free: where the sampler sees the study through a window: which configurations no trial has claimed yet.

    Raises:
        UsageError: there is no such sampler, or it cannot search this space; the message tells why and what can.

    """
    if name not in SAMPLERS:
        there = did_you_mean(name, SAMPLERS, f"there are: {', '.join(SAMPLERS)}")
        raise UsageError(f"there is no sampler {name!r}; {there}")
    own = sampler_seed(seed, worker)
    if isinstance(space, DefineByRun):
        return _by_run(name, own)
    if name == "grid":
        _refuse_grid(space)
        return DistinctSampler(GridSampler(space), space, seed=own, claim=claim, redraws=0, random_draws=0, free=free)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # of QMC, and of TPE's groups
        # One low-discrepancy sequence for the whole study: its points lie evenly only together.
        inner = _QMC(space, derive(seed, "qmc")) if name == "qmc" else _INNER[name](space, own)
    weighing = None
    if cost is not None and name in WEIGHED:
        weighing = CostWeighing(cost, study_seed=seed, seed=own)
    return DistinctSampler(inner, space, seed=own, claim=claim, weighing=weighing, free=free)


class _QMC(QMCSampler):
    """Optuna's, told the whole space, so that conditional parameters and the first trial take part in the sequence."""

    def __init__(self, space: Space, seed: int) -> None:
        super().__init__(
            scramble=True,  # without, every study begins in the same corner of its space
            seed=seed,
            independent_sampler=RandomSampler(seed=seed),
            warn_independent_sampling=False,
        )
        self._whole = {name: wanted for name, wanted in distributions(space).items() if not wanted.single()}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:  # noqa: ARG002
        return self._whole


def _by_run(name: str, seed: int) -> BaseSampler:
    """A sampler that needs to know no space. Raises UsageError where it cannot do without."""
    if name in ("qmc", "grid"):
        raise UsageError(
            f"sampler {name} covers a space that is known beforehand, and an objective says what it suggests only as "
            "it runs: use --sampler random or tpe"
        )
    if name == "gp":
        _refuse_without_torch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return _BY_RUN[name](seed)


def _tpe(space: Space, seed: int) -> BaseSampler:
    # Groups, so that conditional parameters are drawn jointly with those they occur with.
    return _parzen(seed, group=_conditional(space))


def _parzen(seed: int, *, group: bool) -> BaseSampler:
    # The liar: a worker does not repeat what another is trying.
    return ParzenSampler(multivariate=True, group=group, constant_liar=True, seed=seed)


def _gp(space: Space, seed: int) -> BaseSampler:
    _refuse_without_torch()
    if not any(not domain.when for domain in space.params.values()):
        raise UsageError(f"sampler gp models unconditional parameters, and space {space.name!r} has none; use tpe")
    return _gaussian(seed)


def _gaussian(seed: int) -> BaseSampler:
    return GPSampler(seed=seed, independent_sampler=RandomSampler(seed=seed), warn_independent_sampling=False)


def _refuse_without_torch() -> None:
    try:
        importlib.import_module("torch")
    except (ImportError, OSError) as error:  # OSError: a library of its own is missing
        cause = str(error).partition("\n")[0]
        raise UsageError(
            f"sampler gp needs PyTorch, which cannot be imported ({cause}): pip install 'hpo-service[gp]', "
            "or use --sampler tpe"
        ) from error


def _cmaes(space: Space, seed: int) -> BaseSampler:
    wanted = distributions(space)
    numbers = [
        name
        for name, domain in space.params.items()
        if not isinstance(domain, Categorical) and not domain.when and not wanted[name].single()
    ]
    if len(numbers) < 2:
        raise UsageError(
            f"sampler cmaes needs at least 2 unconditional numbers to adapt, and space {space.name!r} has "
            f"{len(numbers)} among its {len(space.params)} parameters; use --sampler tpe"
        )
    return _covariance(seed)


def _covariance(seed: int) -> BaseSampler:
    return CmaEsSampler(seed=seed, independent_sampler=RandomSampler(seed=seed), warn_independent_sampling=False)


def _random(space: Space, seed: int) -> BaseSampler:  # noqa: ARG001 - the signature of every maker
    return RandomSampler(seed=seed)


def _nsga2(space: Space, seed: int) -> BaseSampler:
    if len(space.params) < 2:
        raise UsageError(f"sampler nsga2 crosses parameters, and space {space.name!r} has only one; use --sampler tpe")
    return _genetic(seed)


def _genetic(seed: int) -> BaseSampler:
    return NSGAIISampler(population_size=POPULATION, seed=seed)


_INNER: Mapping[str, Callable[[Space, int], BaseSampler]] = {
    "tpe": _tpe,
    "gp": _gp,
    "cmaes": _cmaes,
    "random": _random,
    "nsga2": _nsga2,
}

_BY_RUN: Mapping[str, Callable[[int], BaseSampler]] = {
    "tpe": lambda seed: _parzen(seed, group=True),
    "gp": _gaussian,
    "cmaes": _covariance,
    "random": lambda seed: RandomSampler(seed=seed),
    "nsga2": _genetic,
}


def _conditional(space: Space) -> bool:
    return any(domain.when for domain in space.params.values())


def _refuse_grid(space: Space) -> None:
    if space.size is None:
        raise UsageError(
            f"sampler grid needs a finite space, and space {space.name!r} has a continuous parameter; use --sampler qmc"
        )
    if space.size > GRID_LIMIT:
        raise UsageError(
            f"sampler grid would take {space.size:,} trials for space {space.name!r}, more than the {GRID_LIMIT:,} "
            "it is for; use --sampler qmc or random"
        )


class GridSampler(BaseSampler):
    """Gives the trial at position p (its slot's, or its own number) the space's p-th configuration, then starts over.

    Workers need no agreement: a position belongs to one of them.
    """

    def __init__(self, space: Space) -> None:
        self._distributions = distributions(space)
        self._configurations = list(space.configurations())
        self._random = RandomSampler(seed=0)  # for what given parameters bring to life

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:  # noqa: ARG002
        """Every parameter of the space."""
        return self._distributions

    def sample_relative(
        self,
        study: Study,  # noqa: ARG002
        trial: FrozenTrial,
        search_space: dict[str, BaseDistribution],  # noqa: ARG002
    ) -> dict[str, Any]:
        """The configuration of the trial's position."""
        place = position(trial.system_attrs, trial.number)
        return dict(self._configurations[place % len(self._configurations)])

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Uniform: only for a parameter the position's configuration does not have."""
        return self._random.sample_independent(study, trial, param_name, param_distribution)
