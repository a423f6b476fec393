"""What a configuration costs, weighed against what it promises: the dearer, the more rarely it is drawn.

Expected improvement per unit of cost (Snoek et al., NeurIPS 2012, per second; Lee et al., arXiv 2003.10870, with a cost
raised to a power below one) is the larger, the cheaper a configuration is. Samplers here do not maximize an
improvement, they draw from a density of what promises one; so it is the density that is divided by the cost, in that a
draw is accepted with probability (usual cost / cost)^a, and drawn again otherwise. So what is infeasible, which costs
without end and promises nothing, is drawn again too.
"""

import math
from collections.abc import Callable
from functools import partial
from statistics import median_low

import numpy as np
from optuna.study import Study

from hpo.optuna_internals import COST_LOOKS, USUAL_COST, storage_of, study_id
from hpo.search.seeds import derive
from hpo.study import Params, ParamValue

__all__ = ["EXPONENT", "REDRAWS", "WORTH", "Cost", "CostWeighing"]

Cost = Callable[[Params], float | None]
"""Configuration -> operations of its training, known without it; None: they are not; infinite: it cannot be trained."""

EXPONENT = 0.63  # of three times the usual cost one in two draws is accepted, of ten times one in four
REDRAWS = 4  # the last draw is taken: where all that promises something is dear, it is dear that is wanted
WORTH = 2e10  # operations, a second of a core: the building of a model a draw would slow down what is shorter
_LOOKS = 21  # uniform draws whose median is the usual cost
_FEW = 3  # after which no more are drawn where none of them is worth it


class CostWeighing:
    """Which of the configurations that a sampler draws are accepted, by their costs."""

    def __init__(self, cost: Cost, *, study_seed: int, seed: int) -> None:
        self._cost = cost
        self.looks_seed = derive(study_seed, "usual cost")  # of the uniform draws: the study's, for all workers alike
        self._random = np.random.default_rng(derive(seed, "cost"))
        self._usual: tuple[int, float | None] | None = None  # Optuna's id of a study, and the usual cost in it

    def accepts(self, study: Study, params: Params, uniform: Callable[[], dict[str, ParamValue]]) -> bool:
        """Whether a configuration that was drawn is to be tried, rather than to draw again.

        Args:
            study: whose configuration it is.
            params: the configuration.
            uniform: draws one from the whole space, by `looks_seed`.

        """
        usual = self._usual_cost(study, uniform)
        if usual is None:
            return True
        cost = self._cost(params)
        return cost is None or cost <= usual or bool(self._random.random() < (usual / cost) ** EXPONENT)

    def reseed(self) -> None:
        """Draw other numbers from now on."""
        self._random = np.random.default_rng()

    def _usual_cost(self, study: Study, uniform: Callable[[], dict[str, ParamValue]]) -> float | None:
        """The median over the space, looked up once in a study and kept there; None where nothing is to be weighed."""
        own = study_id(study)
        if self._usual is None or self._usual[0] != own:
            kept = storage_of(study).get_study_system_attrs(own)
            usual = kept[USUAL_COST] if USUAL_COST in kept else self._look(study, uniform, kept.get(COST_LOOKS, {}))
            self._usual = own, usual if usual is not None and usual >= WORTH else None
        return self._usual[1]

    def _look(
        self, study: Study, uniform: Callable[[], dict[str, ParamValue]], found: dict[str, float | None]
    ) -> float | None:
        """Look around in the space, and keep what its median is.

        A look is noted before it is taken, so that one that ends the process, by a model that does not fit into memory,
        is not taken again.
        """
        keep = partial(storage_of(study).set_study_system_attr, study_id(study))
        for look in map(str, range(_LOOKS)):
            params = uniform()
            if look not in found:
                found = {**found, look: None}
                keep(COST_LOOKS, found)
                cost = self._cost(params)
                found[look] = cost if cost is not None and math.isfinite(cost) else None
            costs = [cost for cost in found.values() if cost is not None]
            if len(costs) == _FEW and max(costs) < WORTH:
                break
        usual = median_low(costs) if costs else None
        keep(USUAL_COST, usual)
        return usual
