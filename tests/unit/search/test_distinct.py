import itertools
import threading
from collections.abc import Sequence

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.search import digest, make_sampler, suggest
from hpo.search.distinct import DistinctSampler
from hpo.search.seeds import sampler_seed
from hpo.study import Categorical, Float, Int, Space

optuna.logging.set_verbosity(optuna.logging.WARNING)

SMALL = Space(
    name="small",
    params={
        "depth": Int(low=1, high=3),
        "kind": Categorical(choices=("a", "b")),
        "width": Int(low=4, high=12, step=4, when={"kind": ("b",)}),
    },
)  # 3 * (1 + 3) = 12 configurations
MIXED = Space(
    name="mixed",
    params={
        "rate": Float(low=1e-4, high=1e-1, log=True),
        "drop": Float(low=0.0, high=0.5),
        "kind": Categorical(choices=("a", "b", "c")),
        "fixed": Categorical(choices=("only",)),
        "momentum": Float(low=0.0, high=0.9, when={"kind": ("b", "c")}),
    },
)


@st.composite
def finite_spaces(draw: st.DrawFn) -> Space:
    """Two to four parameters of two to four values, some of them conditional on the first."""
    first = Categorical(choices=("a", "b", "c"))
    params: dict[str, Categorical | Int] = {"first": first}
    for number in range(draw(st.integers(1, 3))):
        when = draw(st.sampled_from([{}, {"first": ("a",)}, {"first": ("b", "c")}]))
        high = draw(st.integers(1, 3))
        params[f"p{number}"] = draw(
            st.sampled_from([Int(low=0, high=high, when=when), Categorical(choices=tuple("xyz"[:high]), when=when)])
        )
    return Space(name="finite", params=params)


class Claims:
    """What the service's table does: a configuration belongs to the first trial that asks for it."""

    def __init__(self) -> None:
        self.owner: dict[str, int] = {}

    def __call__(self, trial_id: int, fingerprint: str) -> bool:
        return self.owner.setdefault(fingerprint, trial_id) == trial_id


def value(params: dict[str, object]) -> float:
    """A number to learn from."""
    return float(sum(len(str(v)) + (v if isinstance(v, int | float) else 0) for v in params.values()))


@pytest.mark.thorough
@settings(max_examples=40, deadline=None)
@given(space=finite_spaces(), name=st.sampled_from(["random", "tpe", "nsga2", "qmc", "grid"]), seed=st.integers(0, 99))
def test_concurrent_asks_never_draw_the_same_configuration(space: Space, name: str, seed: int) -> None:
    assert space.size is not None
    claims = Claims()
    storage = optuna.storages.InMemoryStorage()
    optuna.create_study(storage=storage, study_name="s")
    workers = [
        optuna.load_study(
            study_name="s",
            storage=storage,
            sampler=make_sampler(name, space=space, seed=seed, worker=str(worker), claim=claims),
        )
        for worker in range(3)
    ]
    seen: list[str] = []
    turns = itertools.cycle(workers)
    while len(seen) < space.size:
        # All of them ask before any draws, and all draw before any is told.
        asked = [next(turns).ask() for _ in range(min(3, space.size - len(seen)))]
        drawn = [suggest(space, trial) for trial in asked]
        seen += [digest(params) for params in drawn]
        for trial, params in zip(asked, drawn, strict=True):
            trial.study.tell(trial, value(params))
    assert len(set(seen)) == space.size
    assert set(seen) == {digest(params) for params in space.configurations()}


@pytest.mark.parametrize("name", ["random", "tpe", "cmaes", "qmc", "nsga2"])
def test_without_collisions_the_draws_are_those_of_the_sampler_inside(name: str) -> None:
    def draws(sampler: optuna.samplers.BaseSampler) -> list[dict[str, object]]:
        study = optuna.create_study(sampler=sampler)
        study.optimize(lambda trial: value(suggest(MIXED, trial)), n_trials=45)
        return [trial.params for trial in study.trials]

    inside = make_sampler(name, space=MIXED, seed=3)
    assert isinstance(inside, DistinctSampler)
    plain = draws(inside.inner)
    digests = [digest(params) for params in plain]
    repeats = [place for place, d in enumerate(digests) if d in digests[:place]]  # NSGA-II copies a parent at times
    alone = repeats[0] if repeats else len(plain)
    assert alone > 20
    assert draws(make_sampler(name, space=MIXED, seed=3))[:alone] == plain[:alone]


def test_an_exhausted_space_gives_repeats_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    study = optuna.create_study(sampler=make_sampler("tpe", space=SMALL, seed=0))
    study.optimize(lambda trial: value(suggest(SMALL, trial)), n_trials=20)
    seen = [digest(trial.params) for trial in study.trials]
    assert len(set(seen[:12])) == 12
    assert len(seen) == 20
    assert caplog.text.count("all 12 configurations") == 1


def test_configurations_tried_before_this_process_are_not_repeated() -> None:
    storage = optuna.storages.InMemoryStorage()
    configurations = list(SMALL.configurations())
    study = optuna.create_study(storage=storage, study_name="s")
    for number, params in enumerate(configurations[:-1]):
        study.enqueue_trial(params)
        trial = study.ask()
        suggest(SMALL, trial)
        if number % 3 == 0:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        elif number % 3 == 1:
            study.tell(trial, 1.0)
    later = optuna.load_study(study_name="s", storage=storage, sampler=make_sampler("random", space=SMALL, seed=1))
    assert suggest(SMALL, later.ask()) == configurations[-1]


def test_enqueued_configurations_count_before_they_are_run() -> None:
    configurations = list(SMALL.configurations())
    study = optuna.create_study(sampler=make_sampler("random", space=SMALL, seed=1))
    first = study.ask()
    for params in configurations[1:]:
        study.enqueue_trial(params)
    assert suggest(SMALL, first) == configurations[0]


def test_a_failed_configuration_may_be_drawn_again() -> None:
    configurations = list(SMALL.configurations())
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for params in configurations:
        study.enqueue_trial(params)
        trial = study.ask()
        suggest(SMALL, trial)
        failed = params == configurations[5]
        study.tell(trial, None if failed else 1.0, optuna.trial.TrialState.FAIL if failed else None)
    study.sampler = make_sampler("tpe", space=SMALL, seed=0)
    assert suggest(SMALL, study.ask()) == configurations[5]


def test_given_parameters_are_kept_even_if_tried_before() -> None:
    study = optuna.create_study(sampler=make_sampler("tpe", space=SMALL, seed=0))
    given_params = {"depth": 2, "kind": "b", "width": 8}
    for _ in range(2):
        study.enqueue_trial(given_params)
        trial = study.ask()
        assert suggest(SMALL, trial) == given_params
        study.tell(trial, 1.0)


def test_partly_given_params_are_kept_and_the_rest_is_distinct() -> None:
    study = optuna.create_study(sampler=make_sampler("random", space=SMALL, seed=0))
    widths = []
    for _ in range(3):
        study.enqueue_trial({"depth": 2, "kind": "b"})
        trial = study.ask()
        params = suggest(SMALL, trial)
        assert (params["depth"], params["kind"]) == (2, "b")
        widths.append(params["width"])
        study.tell(trial, 1.0)
    assert sorted(widths) == [4, 8, 12]


def test_configurations_claimed_by_another_process_are_not_drawn() -> None:
    configurations = list(SMALL.configurations())
    free = {digest(configurations[7]), digest(configurations[9])}
    study = optuna.create_study(sampler=make_sampler("random", space=SMALL, seed=0, claim=lambda _, d: d in free))
    drawn = [digest(suggest(SMALL, study.ask())) for _ in range(2)]
    assert set(drawn) == free


def test_a_claim_is_asked_for_with_the_trials_id_and_digest() -> None:
    asked: list[tuple[int, str]] = []
    study = optuna.create_study(
        sampler=make_sampler("random", space=MIXED, seed=0, claim=lambda *what: not asked.append(what))
    )
    trial = study.ask()
    params = suggest(MIXED, trial)
    assert asked == [(trial._trial_id, digest(params))]


def test_threads_of_one_process_never_draw_the_same_configuration() -> None:
    space = Space(name="s", params={"a": Int(low=1, high=8), "b": Int(low=1, high=8)})
    study = optuna.create_study(sampler=make_sampler("random", space=space, seed=0))
    gate = threading.Barrier(4)

    def run(trial: optuna.Trial) -> float:
        gate.wait()
        return value(suggest(space, trial))

    study.optimize(run, n_trials=64, n_jobs=4)
    assert len({digest(trial.params) for trial in study.trials}) == 64


def test_workers_of_one_study_begin_differently_and_the_same_worker_alike() -> None:
    def first(worker: str) -> dict[str, object]:
        study = optuna.create_study(sampler=make_sampler("tpe", space=MIXED, seed=7, worker=worker))
        return dict(suggest(MIXED, study.ask()))

    assert first("host-1") != first("host-2")
    assert first("host-1") == first("host-1")
    assert sampler_seed(7, "host-1") != sampler_seed(8, "host-1")


def test_a_trial_made_through_the_storage_sees_what_was_reported_in_between() -> None:
    """A worker creates its trials with the slot's attributes, not by `ask`, which is what renews Optuna's cache."""
    study = optuna.create_study(sampler=make_sampler("tpe", space=MIXED, seed=1))
    template = optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING)
    for _ in range(12):
        number = study._storage.create_new_trial(study._study_id, template_trial=template)
        trial = optuna.Trial(study, number)
        params = suggest(MIXED, trial)
        study._storage.set_trial_state_values(number, optuna.trial.TrialState.COMPLETE, [value(params)])
    attrs = study.trials[-1].system_attrs
    assert any(key.startswith("tpe:relative_params") for key in attrs)  # past its 10 random trials, TPE models


def test_grid_follows_the_position_of_the_slot() -> None:
    configurations = list(SMALL.configurations())
    study = optuna.create_study(sampler=make_sampler("grid", space=SMALL, seed=0))
    for place in (4, 0, 11, 4):
        template = optuna.trial.create_trial(
            state=optuna.trial.TrialState.RUNNING, system_attrs={"hpo:position": place}
        )
        trial = optuna.Trial(study, study._storage.create_new_trial(study._study_id, template_trial=template))
        drawn = suggest(SMALL, trial)
        study.tell(trial, 1.0)
        if place == 4 and trial.number == 3:
            assert drawn == configurations[1]  # the first that is left
        else:
            assert drawn == configurations[place]


def test_what_only_the_storage_knows_to_be_tried_is_not_drawn(caplog: pytest.LogCaptureFixture) -> None:
    """As in a long study, of which a sampler sees a window."""
    claims, asked = Claims(), 0
    configurations = list(SMALL.configurations())
    for number, params in enumerate(configurations[:-1]):
        claims(1000 + number, digest(params))

    def claim(trial_id: int, fingerprint: str) -> bool:
        nonlocal asked
        asked += 1
        return claims(trial_id, fingerprint)

    def free(digests: Sequence[str]) -> set[str]:
        return set(digests) - claims.owner.keys()

    sampler = make_sampler("random", space=SMALL, seed=1, claim=claim, free=free)
    study = optuna.create_study(sampler=sampler)
    assert suggest(SMALL, study.ask()) == configurations[-1]
    suggest(SMALL, study.ask())  # nothing is left, which a look tells
    asked = 0
    for _ in range(5):
        suggest(SMALL, study.ask())
    assert asked == 0
    assert caplog.text.count("all 12 configurations") == 1


def test_of_a_long_study_no_more_is_remembered_than_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpo.search.distinct._REMEMBERED", 20)
    sampler = make_sampler("random", space=MIXED, seed=1, claim=lambda *_: True, free=set)
    assert isinstance(sampler, DistinctSampler)
    study = optuna.create_study(sampler=sampler)
    for _ in range(3):
        study.tell(study.ask(), 1.0)
    for number in range(100):
        sampler._tried.add(str(number))
    suggest(MIXED, study.ask())
    assert len(sampler._tried) < 20
