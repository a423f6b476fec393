"""What weighing costs spares a search: the same sampler with and without it, by costs that are computed.

    python -m benchmarks.cost --draws 200 --spaces cnn:report,cnn:wide,dnn:wide --sampler random

Nothing is trained. Told for each space: the total and the largest cost of what is drawn with weighing as a share of
without; what share of the draws lies in each class of cost, in multiples of the usual cost; and for several laws of
acceptance what the total would be, how often three and ten times the usual cost are accepted, and how many draws an
accepted one takes.
"""

import argparse
from collections.abc import Callable, Sequence
from time import process_time

import numpy as np
import optuna
from numpy.typing import NDArray

from hpo.optuna_internals import USUAL_COST, storage_of, study_id
from hpo.search import digest, make_sampler, objective, suggest
from hpo.search.cost_weighing import acceptance
from hpo.study import Params, registry
from hpo.training import configure

CLASSES = (0.0, 1 / 3, 1.0, 3.0, 10.0, np.inf)  # of cost, in multiples of the usual one


def power(exponent: float) -> Callable[[float], float]:
    """The law by which a draw of so many times the usual cost is accepted with that power of it."""
    return lambda times: max(1.0, times) ** -exponent


LAWS: dict[str, Callable[[float], float]] = {
    **{f"exponent {exponent}": power(exponent) for exponent in (0.3, 0.63, 1.0)},
    "as it is": acceptance,
}


class Costs:
    """Costs of a space's configurations, each computed once."""

    def __init__(self, definition: str, space: str) -> None:
        self.definition = registry.load(definition)
        self.space = self.definition.space(space)
        self._objective = objective(self.definition, space=space)
        self._found: dict[str, float | None] = {}
        self.seconds = 0.0  # of the processor, spent on computing

    def __call__(self, params: Params) -> float | None:
        """Of one configuration; None: it cannot be trained, or nobody knows beforehand."""
        key = digest(params)
        if key not in self._found:
            begin = process_time()
            self._found[key] = self._objective.cost(params)
            self.seconds += process_time() - begin
        return self._found[key]

    def __len__(self) -> int:
        return len(self._found)


def draw(costs: Costs, sampler: str, count: int, seed: int, *, weighs: bool) -> tuple[NDArray[np.float64], float]:
    """Costs of what is drawn until `count` configurations can be trained, and the study's usual cost (nan: none)."""
    made = make_sampler(sampler, space=costs.space, seed=seed, cost=costs if weighs else None)
    study = optuna.create_study(direction=costs.definition.direction, sampler=made)
    found: list[float] = []
    while len(found) < count:
        trial = study.ask()
        cost = costs(suggest(costs.space, trial))
        if cost is None or not np.isfinite(cost):
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, 0.0)
            found.append(cost)
    usual = storage_of(study).get_study_system_attrs(study_id(study)).get(USUAL_COST)
    return np.array(found), np.nan if usual is None else usual


def shown(found: NDArray[np.float64], usual: float) -> str:
    """Median, mean and largest, in multiples of the usual cost."""
    return ", ".join(f"{one(found) / usual:.2g}" for one in (np.median, np.mean, np.max))


def classes(found: NDArray[np.float64], usual: float) -> str:
    """The share of each class of cost."""
    counted, _ = np.histogram(found / usual, bins=CLASSES)
    return "  ".join(f"{share:5.0%}" for share in counted / len(found))


def foreseen(found: NDArray[np.float64], usual: float, law: Callable[[float], float]) -> str:
    """What weighing by that law comes to, from draws without."""
    accepted = np.array([law(times) for times in found / usual])
    total = (found * accepted).sum() / accepted.sum() / found.mean()
    return f"total {total:.2f}, 3 times {law(3):.2f}, 10 times {law(10):.3f}, {1 / accepted.mean():.2f} draws"


def show(costs: Costs, sampler: str, count: int, seeds: Sequence[int]) -> None:
    """Draw in one space, and print what came out."""
    name = f"{costs.definition.name} {costs.space.name}"
    drawn = {weighs: [draw(costs, sampler, count, seed, weighs=weighs) for seed in seeds] for weighs in (False, True)}
    usual = float(np.median([one for _, one in drawn[True]]))
    plain, weighed = (np.concatenate([found for found, _ in drawn[weighs]]) for weighs in (False, True))
    baseline = costs(costs.definition.baseline().params_in(costs.space.name)) if costs.definition.baselines else None
    print(f"{name}, {sampler}, {count} draws at each of {len(seeds)} seeds; {costs.seconds / len(costs):.3f} s a model")
    print(f"  usual cost {usual:.2g} operations" + (f", baseline {baseline / usual:.2g} of it" if baseline else ""))
    print(f"  median, mean, largest without: {shown(plain, usual)}, with: {shown(weighed, usual)} of the usual cost")
    print(f"  total with weighing {weighed.sum() / plain.sum():.2f}, largest {weighed.max() / plain.max():.2f}")
    print(f"  below 1/3, 1, 3, 10, above: without {classes(plain, usual)}")
    print(f"                                 with {classes(weighed, usual)}")
    if baseline:
        near = [np.mean((found > baseline / 3) & (found < 3 * baseline)) for found in (plain, weighed)]
        print(f"  within a factor of three of the baseline's cost: without {near[0]:.0%}, with {near[1]:.0%}")
    for name, law in LAWS.items():
        print(f"  {name}: {foreseen(plain, usual, law)}")


def main() -> None:
    """Draw in each space, and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=200, help="configurations that can be trained, at each seed")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--spaces", default="cnn:report,cnn:wide,dnn:wide", help="DEFINITION:SPACE, by commas")
    parser.add_argument("--sampler", default="random")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    configure(threads=1)
    for word in arguments.spaces.split(","):
        definition, _, space = word.partition(":")
        show(Costs(definition, space), arguments.sampler, arguments.draws, range(arguments.seeds))


if __name__ == "__main__":
    main()
