"""What is dear is drawn more rarely; what nobody drew is left alone."""

import math
from collections.abc import Callable
from statistics import median_low

import optuna
import pytest

from hpo.optuna_internals import COST_LOOKS, USUAL_COST, storage_of, study_id
from hpo.search import make_sampler, suggest
from hpo.search.cost_weighing import REDRAWS, WORTH, Cost, acceptance
from hpo.study import Categorical, Float, Params, Space

optuna.logging.set_verbosity(optuna.logging.WARNING)

SPACE = Space(
    name="s", params={"size": Categorical(choices=(1, 2, 3, 9, 30)), "rate": Float(low=1e-4, high=1e-1, log=True)}
)
UNIT = 10 * WORTH


def size(params: Params) -> float:
    return UNIT * float(params["size"])  # type: ignore[arg-type]


def loss(params: Params) -> float:
    return float(params["rate"])  # type: ignore[arg-type]


def drawn(
    cost: Cost | None,
    count: int,
    *,
    name: str = "random",
    seed: int = 0,
    value: Callable[[Params], float] = loss,
    usual: float | None = None,  # None: what the study finds
) -> list[dict[str, object]]:
    study = optuna.create_study(sampler=make_sampler(name, space=SPACE, seed=seed, cost=cost))
    if usual is not None:
        study._storage.set_study_system_attr(study._study_id, USUAL_COST, usual)
    study.optimize(lambda trial: value(suggest(SPACE, trial)), n_trials=count)
    return [trial.params for trial in study.trials]


def shares(configurations: list[dict[str, object]]) -> dict[int, float]:
    sizes = [params["size"] for params in configurations]
    return {one: sizes.count(one) / len(sizes) for one in (1, 2, 3, 9, 30)}


def test_configurations_of_three_times_the_usual_cost_are_drawn_half_as_often() -> None:
    weighed = shares(drawn(size, 1000, usual=3 * UNIT))
    once = 1 / (3 + 1 / 2 + 1 / 22)  # the share of what is not weighed
    assert weighed[1] == pytest.approx(once, abs=0.04)
    assert weighed[3] == pytest.approx(once, abs=0.04)
    assert weighed[9] == pytest.approx(once / 2, abs=0.03)
    assert weighed[30] == pytest.approx(once / 22, abs=0.01)


def test_beyond_three_times_the_usual_cost_all_of_a_class_takes_less_the_dearer_it_is() -> None:
    assert [acceptance(times) for times in (0, 0.5, 1)] == [1, 1, 1]
    assert acceptance(3) == pytest.approx(0.5, abs=0.001)
    assert acceptance(3.001) == pytest.approx(acceptance(3), rel=0.001)
    taken = [times * acceptance(times) for times in (3, 6, 12, 24, 48)]
    assert taken == pytest.approx([taken[0] / 2**step for step in range(5)])
    assert acceptance(math.inf) == 0


def test_of_draws_that_are_all_refused_the_cheapest_is_taken() -> None:
    weighed = shares(drawn(lambda params: 1000 * size(params), 400, usual=UNIT))  # one in 200,000 is accepted
    assert weighed[1] == pytest.approx(1 - 0.8**5, abs=0.06)
    assert weighed[30] < 0.01


def test_the_usual_cost_is_the_median_of_the_space_and_is_kept_with_the_study() -> None:
    storage = optuna.storages.InMemoryStorage()
    asked: list[float] = []

    def noted(params: Params) -> float:
        asked.append(size(params))
        return asked[-1]

    for worker in "ab":
        sampler = make_sampler("random", space=SPACE, seed=0, worker=worker, cost=noted)
        study = optuna.create_study(storage=storage, study_name="s", sampler=sampler, load_if_exists=True)
        before = len(asked)
        suggest(SPACE, study.ask())
        if worker == "a":
            assert storage.get_study_system_attrs(study._study_id)[USUAL_COST] == sorted(asked[:21])[10]
        else:
            assert len(asked) - before <= 1 + REDRAWS  # of its own draws alone


def test_a_cost_probe_that_ends_the_process_is_not_repeated() -> None:
    """The models of a study's largest configurations may not fit into memory, and looks follow from its seed."""
    storage = optuna.storages.InMemoryStorage()
    ended: list[Params] = []

    class Ended(BaseException):
        pass

    def fatal(params: Params) -> float:
        if params["size"] == 30:
            ended.append(params)
            raise Ended
        return size(params)

    while True:
        sampler = make_sampler("random", space=SPACE, seed=0, worker=str(len(ended)), cost=fatal)
        study = optuna.create_study(storage=storage, study_name="s", sampler=sampler, load_if_exists=True)
        try:
            suggest(SPACE, study.ask())
        except Ended:
            continue
        break
    assert len(ended) > 1
    assert len({params["rate"] for params in ended}) == len(ended)  # never the same one twice
    assert storage.get_study_system_attrs(study._study_id)[USUAL_COST] in {UNIT * one for one in (1, 2, 3, 9)}


def test_all_workers_of_a_study_find_the_same_usual_cost() -> None:
    def usual(worker: str) -> float:
        study = optuna.create_study(sampler=make_sampler("random", space=SPACE, seed=5, worker=worker, cost=size))
        suggest(SPACE, study.ask())
        found: float = study._storage.get_study_system_attrs(study._study_id)[USUAL_COST]
        return found

    assert usual("a") == usual("b")


@pytest.mark.parametrize("name", ["tpe", "random"])
def test_the_draws_follow_from_the_seed(name: str) -> None:
    assert drawn(size, 25, name=name, seed=3) == drawn(size, 25, name=name, seed=3)
    assert drawn(size, 25, name=name, seed=3) != drawn(None, 25, name=name, seed=3)


@pytest.mark.parametrize("name", ["tpe", "random"])
def test_with_equal_costs_the_draws_are_those_of_the_sampler(name: str) -> None:
    assert drawn(lambda _: UNIT, 25, name=name) == drawn(None, 25, name=name)


@pytest.mark.parametrize("name", ["qmc", "cmaes", "nsga2"])
def test_samplers_of_dependent_points_are_not_weighed(name: str) -> None:
    def never(_: Params) -> float:
        raise AssertionError("the cost has no say")

    space = Space(name="n", params={"a": Float(low=0, high=1), "b": Float(low=0, high=1)})
    study = optuna.create_study(sampler=make_sampler(name, space=space, seed=0, cost=never))
    assert len(suggest(space, study.ask())) == 2


def test_given_params_are_never_rejected() -> None:
    study = optuna.create_study(sampler=make_sampler("random", space=SPACE, seed=0, cost=size))
    for number in range(20):
        study.enqueue_trial({"size": 30, "rate": 0.001 * (number + 1)})
        trial = study.ask()
        assert suggest(SPACE, trial)["size"] == 30
        study.tell(trial, 1.0)


def test_configurations_without_a_cost_are_accepted_unweighed() -> None:
    unknown = shares(drawn(lambda params: None if params["size"] == 30 else size(params), 500, usual=UNIT))
    assert unknown[30] > unknown[9]
    assert drawn(lambda _: None, 10) == drawn(None, 10)


def _but_the_smallest(params: Params) -> float:
    return math.inf if params["size"] == 1 else size(params)


def test_what_is_infeasible_is_drawn_again() -> None:
    assert shares(drawn(_but_the_smallest, 100, usual=30 * UNIT))[1] == 0  # else a fifth
    assert len(drawn(lambda _: math.inf, 10, usual=UNIT)) == 10  # one of them is tried all the same


def test_what_is_infeasible_has_no_part_in_the_usual_cost() -> None:
    study = optuna.create_study(sampler=make_sampler("random", space=SPACE, seed=0, cost=_but_the_smallest))
    suggest(SPACE, study.ask())
    attributes = storage_of(study).get_study_system_attrs(study_id(study))
    looks = list(attributes[COST_LOOKS].values())
    assert None in looks
    assert attributes[USUAL_COST] == median_low([cost for cost in looks if cost is not None])


def test_trials_of_a_few_seconds_are_not_weighed() -> None:
    asked: list[Params] = []

    def little(params: Params) -> float:
        asked.append(params)
        return size(params) / UNIT * WORTH / 100

    assert drawn(little, 20) == drawn(None, 20)
    assert len(asked) == 3


def test_an_expensive_configuration_is_tried_when_only_such_are_drawn() -> None:
    """As when the sampler has learned that only the largest are any good."""
    assert len(drawn(size, 20, usual=UNIT / 1000)) == 20


def test_tpe_draws_expensive_configurations_less_often() -> None:
    def better_large(params: Params) -> float:
        return -float(params["size"])  # type: ignore[arg-type]

    plain = shares(drawn(None, 60, name="tpe", seed=2, value=better_large))
    weighed = shares(drawn(size, 60, name="tpe", seed=2, value=better_large, usual=3 * UNIT))
    assert weighed[30] < plain[30]
    assert weighed[30] > 0.3  # what is best is still what most is spent on
