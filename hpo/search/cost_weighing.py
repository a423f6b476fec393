"""What a configuration costs, weighed against what it promises: the dearer, the more rarely it is drawn.

Expected improvement per unit of cost (Snoek et al., NeurIPS 2012, per second; Lee et al., arXiv 2003.10870, with a cost
raised to a power below one) is the larger, the cheaper a configuration is. Samplers here do not maximize an
improvement, they draw from a density of what promises one; so it is the density that is divided by the cost, in that a
draw is accepted with a probability that falls with its cost (`acceptance`), and drawn again otherwise. So what is
infeasible, which costs without end and promises nothing, is drawn again too.
"""

import math
from collections.abc import Callable
from functools import partial
from operator import itemgetter
from statistics import median_low

import numpy as np
from optuna.study import Study

from hpo.optuna_internals import COST_LOOKS, USUAL_COST, storage_of, study_id
from hpo.search.seeds import derive
from hpo.study import Params, ParamValue

__all__ = ["REDRAWS", "WORTH", "Cost", "CostWeighing", "acceptance"]

Cost = Callable[[Params], float | None]
"""Configuration -> operations of its training, known without it; None: they are not; infinite: it cannot be trained."""

_EXPONENT = 0.63  # of three times the usual cost one in two draws is accepted
_DEAR = 3.0  # times the usual cost; beyond it, the dearer, the less time all that costs so much takes
_DEAR_EXPONENT = 2.0  # of ten times the usual cost one in 22 draws is accepted, of thirty times one in 200
REDRAWS = 4  # then the cheapest is taken: where all that promises something is dear, it is dear that is wanted
WORTH = 2e10  # operations, a second of a core: the building of a model a draw would slow down what is shorter
_LOOKS = 21  # uniform draws whose median is the usual cost
_FEW = 3  # after which no more are drawn where none of them is worth it


def acceptance(times: float) -> float:
    """The probability with which a draw is accepted that costs so many times as much as usual; without end: 0.

    Up to three times it is the power below one of cost cooling. Beyond, what is accepted of costs that are spread over
    orders of magnitude would still take the most time where it costs the most, and by `hpo.storage.slots.promotion`
    hardly any of it can climb; there it falls with the square.
    """
    dear = max(1.0, times / _DEAR)
    return math.pow(max(1.0, min(times, _DEAR)), -_EXPONENT) * math.pow(dear, -_DEAR_EXPONENT)


class CostWeighing:
    """Which of the configurations that a sampler draws are accepted, by their costs."""

    def __init__(self, cost: Cost, *, study_seed: int, seed: int) -> None:
        self._cost = cost
        self.looks_seed = derive(study_seed, "usual cost")  # of the uniform draws: the study's, for all workers alike
        self._random = np.random.default_rng(derive(seed, "cost"))
        self._usual: tuple[int, float | None] | None = None  # Optuna's id of a study, and the usual cost in it

    def choose(
        self, study: Study, draw: Callable[[], dict[str, ParamValue]], uniform: Callable[[], dict[str, ParamValue]]
    ) -> dict[str, ParamValue]:
        """The first of a few draws that is accepted; where none is, the cheapest of them.

        Args:
            study: whose configurations they are.
            draw: draws a configuration.
            uniform: draws one from the whole space, by `looks_seed`.

        """
        params = draw()
        usual = self._usual_cost(study, uniform)
        if usual is None:
            return params
        refused: list[tuple[float, dict[str, ParamValue]]] = []
        while (cost := self._cost(params)) is not None and self._random.random() >= acceptance(cost / usual):
            refused.append((cost, params))
            if len(refused) > REDRAWS:
                return min(refused, key=itemgetter(0))[1]
            params = draw()
        return params

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
