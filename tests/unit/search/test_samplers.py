import importlib.util
import sys
from collections.abc import Sequence

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState, create_trial

from hpo.errors import UsageError
from hpo.search import make_sampler, suggest
from hpo.search.samplers import GRID_LIMIT, POPULATION
from hpo.search.suggest import distributions
from hpo.settings import DEFAULT_SAMPLER, SAMPLERS
from hpo.study import Categorical, Float, Int, Space

optuna.logging.set_verbosity(optuna.logging.WARNING)

NUMBERS = Space(name="numbers", params={"x": Float(low=0.0, high=1.0), "y": Float(low=0.0, high=1.0)})
CHOICES = Space(
    name="choices", params={"a": Categorical(choices=("p", "q")), "n": Int(low=1, high=9), "b": Int(low=3, high=3)}
)
CONDITIONAL = Space(
    name="conditional",
    params={
        "kind": Categorical(choices=("a", "b")),
        "x": Float(low=0.0, high=1.0, when={"kind": ("a",)}),
        "y": Float(low=0.0, high=1.0, when={"kind": ("b",)}),
    },
)
TORCH = importlib.util.find_spec("torch") is not None


def test_the_default_sampler_exists() -> None:
    assert DEFAULT_SAMPLER in SAMPLERS


@pytest.mark.parametrize("name", sorted(set(SAMPLERS) - {"gp", "cmaes", "grid"}))
@pytest.mark.parametrize("space", [NUMBERS, CHOICES, CONDITIONAL], ids=lambda space: space.name)
def test_every_sampler_searches_each_space_it_accepts(name: str, space: Space) -> None:
    study = optuna.create_study(sampler=make_sampler(name, space=space, seed=0))
    study.optimize(lambda trial: float(len(str(suggest(space, trial)))), n_trials=17)
    assert all(space.problem(trial.params) is None for trial in study.trials)


def test_grid_and_cmaes_search_the_spaces_they_support() -> None:
    study = optuna.create_study(sampler=make_sampler("grid", space=CHOICES, seed=0))
    study.optimize(lambda trial: float(suggest(CHOICES, trial)["n"]), n_trials=18)
    assert [trial.params for trial in study.trials] == list(CHOICES.configurations())

    study = optuna.create_study(sampler=make_sampler("cmaes", space=NUMBERS, seed=0))
    study.optimize(lambda trial: sum((v - 0.3) ** 2 for v in suggest(NUMBERS, trial).values()), n_trials=150)
    assert study.best_value < 1e-3  # 150 random points would come to about 0.002


@pytest.mark.parametrize(
    ("name", "space", "reason"),
    [
        ("tpee", NUMBERS, "no sampler 'tpee'; did you mean tpe\\? There are: tpe, "),
        ("grid", NUMBERS, "continuous parameter; use --sampler qmc"),
        ("cmaes", CHOICES, "at least 2 unconditional numbers.*has 1 among its 3"),
        ("cmaes", CONDITIONAL, "at least 2 unconditional numbers.*has 0"),
        ("nsga2", Space(name="one", params={"x": Float(low=0, high=1)}), "crosses parameters"),
        ("grid", Space(name="over", params={"a": Int(low=1, high=GRID_LIMIT + 1)}), "10,001 trials.*10,000"),
    ],
)
def test_a_sampler_that_cannot_work_is_refused_with_a_reason(name: str, space: Space, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        make_sampler(name, space=space, seed=0)
    assert "\n" not in str(caught.value)


def test_gp_without_pytorch_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not installed, where it is
    with pytest.raises(UsageError, match=r"needs PyTorch.*pip install"):
        make_sampler("gp", space=NUMBERS, seed=0)


@pytest.mark.thorough
@pytest.mark.skipif(not TORCH, reason="needs PyTorch: pip install 'hpo-service[gp]'")
def test_gp_finds_a_minimum() -> None:
    study = optuna.create_study(sampler=make_sampler("gp", space=NUMBERS, seed=0))
    study.optimize(lambda trial: sum((v - 0.3) ** 2 for v in suggest(NUMBERS, trial).values()), n_trials=20)
    assert study.best_value < 1e-2


def test_a_grid_at_its_limit_is_taken() -> None:
    make_sampler("grid", space=Space(name="s", params={"a": Int(low=1, high=GRID_LIMIT)}), seed=0)


def test_tpe_learns_to_avoid_infeasible_configurations() -> None:
    space = Space(name="s", params={"a": Int(low=0, high=30), "b": Int(low=0, high=30)})

    def trial_value(trial: optuna.Trial) -> float:
        params = suggest(space, trial)
        if int(params["a"]) > 10:
            trial.set_constraint("feasible", 1.0)
            raise optuna.TrialPruned
        return float(params["b"])

    study = optuna.create_study(sampler=make_sampler("tpe", space=space, seed=0))
    study.optimize(trial_value, n_trials=60)
    infeasible = [trial.state == optuna.trial.TrialState.PRUNED for trial in study.trials]
    assert sum(infeasible[40:]) < sum(infeasible[:20])


def test_tpe_is_told_of_what_climbed_once() -> None:
    rng = np.random.default_rng(0)
    points = [{"x": float(x), "y": float(y)} for x, y in rng.random((30, 2))]

    def past(params: dict[str, float], steps: int) -> optuna.trial.FrozenTrial:
        """A trial that came so far; at the tenth it is complete."""
        value, space = params["x"] + 0.01 * steps, distributions(NUMBERS)
        if steps == 10:
            return create_trial(params=params, distributions=space, value=value)
        reports = dict.fromkeys(range(1, steps + 1), value)
        pruned = TrialState.PRUNED
        return create_trial(params=params, distributions=space, state=pruned, intermediate_values=reports)

    def draws(trials: Sequence[optuna.trial.FrozenTrial]) -> list[dict[str, float]]:
        study = optuna.create_study(sampler=make_sampler("tpe", space=NUMBERS, seed=0))
        study.add_trials(trials)
        return [study.ask(distributions(NUMBERS)).params for _ in range(5)]

    climbed = [past(params, steps) for params, steps in zip(points[:3], (10, 10, 5), strict=True)]
    below = [past(params, steps) for params in points[:3] for steps in (3, 5)]
    drawn = [past(params, 3) for params in points[3:]]
    assert draws([*below, *drawn, *climbed, climbed[0]]) == draws([*drawn, climbed[1], climbed[2], climbed[0]])
    assert draws([*drawn, *climbed]) != draws([*drawn, climbed[0]])


def test_tpe_draws_conditional_parameters_jointly() -> None:
    study = optuna.create_study(sampler=make_sampler("tpe", space=CONDITIONAL, seed=0))
    study.optimize(lambda trial: float(suggest(CONDITIONAL, trial).get("x", 2.0)), n_trials=40)
    last = study.trials[-1].system_attrs
    assert "x" in "".join(str(v) for key, v in last.items() if key.startswith("tpe:relative_params"))
    assert study.best_value < 0.05


def test_qmc_is_one_even_sequence_for_all_workers_and_differs_with_the_seed() -> None:
    def points(seed: int) -> list[float]:
        storage = optuna.storages.InMemoryStorage()
        optuna.create_study(storage=storage, study_name="s")
        found = []
        for turn in range(16):
            worker = f"w{turn % 2}"
            study = optuna.load_study(
                study_name="s", storage=storage, sampler=make_sampler("qmc", space=NUMBERS, seed=seed, worker=worker)
            )
            trial = study.ask()
            found.append(float(suggest(NUMBERS, trial)["x"]))
            study.tell(trial, 0.0)
        return found

    assert sorted(int(16 * x) for x in points(0)) == list(range(16))  # one point in each sixteenth
    assert points(0) != points(1)


def test_nsga2_breeds_within_a_search_of_fifty() -> None:
    study = optuna.create_study(sampler=make_sampler("nsga2", space=NUMBERS, seed=0))
    study.optimize(lambda trial: sum(suggest(NUMBERS, trial).values()), n_trials=2 * POPULATION + 1)
    generations = {v for t in study.trials for key, v in t.system_attrs.items() if key.endswith(":generation")}
    assert generations == {0, 1, 2}
