import json
import math
import subprocess
import sys

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.search import digest, suggest
from hpo.search.seeds import derive, fold_seed, position, sampler_seed, split_seed, trial_seed
from hpo.search.suggest import distributions
from hpo.study import Categorical, Float, Int, Space

SPACE = Space(
    name="s",
    params={
        "kind": Categorical(choices=("a", "b", None, True)),
        "width": Int(low=4, high=14, step=4, when={"kind": ("b", None)}),
        "rate": Float(low=1e-3, high=1.0, log=True),
        "deep": Int(low=1, high=64, log=True, when={"width": (8, 12)}),
    },
)


@given(seed=st.integers(0, 10_000))
def test_suggested_parameters_are_a_configuration_of_the_space(seed: int) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    trial = study.ask()
    params = suggest(SPACE, trial)
    assert SPACE.problem(params) is None
    assert list(params) == [name for name in SPACE.params if name in params]  # in declared order
    assert params == study.trials[0].params
    assert study.trials[0].distributions == {name: distributions(SPACE)[name] for name in params}


def test_a_given_configuration_is_taken() -> None:
    params = {"kind": None, "width": 8, "rate": 0.5, "deep": 3}
    assert suggest(SPACE, optuna.trial.FixedTrial(params)) == params


@pytest.mark.filterwarnings("error")
def test_an_upper_bound_off_the_step_causes_no_warning() -> None:
    suggest(SPACE, optuna.trial.FixedTrial({"kind": "b", "width": 12, "rate": 0.5, "deep": 1}))
    assert distributions(SPACE)["width"].high == 12


scalars = st.one_of(st.none(), st.booleans(), st.integers(-(10**6), 10**6), st.text(max_size=3), st.floats(-1e6, 1e6))


@given(one=st.dictionaries(st.sampled_from("abc"), scalars), other=st.dictionaries(st.sampled_from("abc"), scalars))
def test_digests_agree_where_configurations_do(one: dict[str, object], other: dict[str, object]) -> None:
    def same(a: object, b: object) -> bool:
        return a == b and isinstance(a, bool) == isinstance(b, bool)

    alike = one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    assert (digest(one) == digest(other)) == alike
    assert digest(dict(reversed(one.items()))) == digest(one)


def test_a_whole_number_is_the_same_written_either_way() -> None:
    assert digest({"x": 1}) == digest({"x": 1.0}) != digest({"x": True})


def test_digests_and_seeds_are_the_same_in_every_process() -> None:
    code = (
        "import json; from hpo.search import digest; from hpo.search.seeds import derive;"
        "print(json.dumps([digest({'a': 'x', 'b': 0.1}), derive(5, 'trial', 3)]))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == [digest({"a": "x", "b": 0.1}), derive(5, "trial", 3)]


@given(seed=st.integers(0, 2**32), place=st.integers(0, 10**6))
def test_seeds_differ_in_purpose_and_fit_numpy_keras_and_optuna(seed: int, place: int) -> None:
    seeds = [
        trial_seed(seed, place),
        trial_seed(seed, place + 1),
        trial_seed(seed + 1, place),
        split_seed(seed),
        sampler_seed(seed, str(place)),
        fold_seed(trial_seed(seed, place), 1),
        fold_seed(trial_seed(seed, place), 2),
    ]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= s < 2**31 for s in seeds)


def test_seeds_are_spread_evenly() -> None:
    tenths = [trial_seed(0, place) * 10 // 2**31 for place in range(5_000)]
    assert all(math.isclose(tenths.count(tenth), 500, rel_tol=0.2) for tenth in range(10))


def test_the_position_is_the_slots_or_else_the_trials_number() -> None:
    assert position({"hpo:position": 7}, number=2) == 7
    assert position({}, number=2) == 2
