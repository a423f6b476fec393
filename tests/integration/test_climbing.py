"""Searches that climb: planned, opened, carried out by a worker in this process, gone on with, and told of."""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import optuna
import pytest
import toy
from asking import asked
from paged import read, words

from hpo import storage
from hpo.errors import StudyError, UsageError
from hpo.experiments import trial_records
from hpo.experiments.compare.budget import budget
from hpo.experiments.compare.comparison_plan import plan_comparison
from hpo.experiments.compare.comparison_request import CompareRequest, contest
from hpo.experiments.findings.gathering import gather, points
from hpo.experiments.findings.provenance import search_command
from hpo.experiments.findings.study_importances import importances
from hpo.experiments.search_plan import Request, plan
from hpo.experiments.search_run import open_study, submit
from hpo.fleet.worker.work_loop import Server
from hpo.optuna_internals import RUNG
from hpo.report.figures.climb_chart import climb_data
from hpo.storage import Storage, studies
from hpo.storage.queries.live_queries import history
from hpo.storage.queries.status import study_status
from hpo.storage.queries.study_results import best, trial
from hpo.storage.slots.slots import Slots
from hpo.web.pages import create

NAME = "toy-line"
HAND = {"x": 0.5, "kind": "a"}
Ask = Callable[..., Request]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """A request for a search of the toy, which climbs from quick to glance unless it is told otherwise."""

    def request(**options: object) -> Request:
        base = {"definition": f"{toy.FILE}:study", "trials": 12, "seed": 1, "storage": f"sqlite:///{tmp_path}/hpo.db"}
        return asked(**{"sampler": "random", **base, **options})

    return request


def rung(trial: optuna.Trial) -> int:
    """From 0, the lowest."""
    return int(trial.storage.get_trial_system_attrs(trial._trial_id).get(RUNG, 0))


def height(beat: Callable[[], None]) -> toy.Objective:
    """The toy's height, and on each rung above the first one more."""
    return lambda trial: toy.height(trial) + rung(trial)


def nowhere(beat: Callable[[], None]) -> toy.Objective:
    """What trains on the first rung alone."""

    def run(trial: optuna.Trial) -> float:
        value = toy.height(trial)
        if rung(trial):
            raise optuna.TrialPruned("diverged: it was too high")
        return value

    return run


def searched(request: Request, objective: Callable[[Callable[[], None]], toy.Objective] = height) -> Storage:
    """The search, carried out."""
    opened = storage.prepare(request.storage)
    open_study(plan(request))
    assert Server(opened, plan(request).study, objective).run() == "drained"
    return opened


def sizes(opened: Storage, name: str = NAME) -> list[tuple[int, int]]:
    """Of each rung its slots, and how many are settled."""
    return [(rung.target, rung.settled) for rung in Slots(opened).rungs(name)]


def test_a_search_climbs_unless_a_fidelity_is_named(ask: Ask) -> None:
    found = plan(ask())
    assert (found.study, found.fidelity.name, found.pruner, found.stays) == (NAME, "glance", "none", None)
    assert [(rung.fidelity, rung.slots) for rung in found.rungs] == [("quick", 12), ("glance", 4), ("glance", 3)]
    assert (found.left, found.prior) == (19, HAND)
    stays = plan(ask(fidelity="quick"))
    assert (stays.study, stays.rungs, stays.pruner, stays.left) == ("toy-line-quick", (), "asha", 12)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"objectives": "accuracy,parameters"}, "a search with several objectives has no single best to promote"),
        ({"objective": f"{toy.FILE}:instant", "workers": 1}, "an objective of one's own has no fidelities"),
        ({"sampler": "nsga2"}, "sampler nsga2 learns from trials of one fidelity alone"),
    ],
)
def test_a_search_that_cannot_climb_stays_on_the_first_fidelity_with_a_reason(
    ask: Ask, options: dict[str, object], why: str
) -> None:
    found = plan(ask(**options))
    assert (found.stays, found.rungs, found.fidelity.name, found.left) == (why, (), "quick", 12)
    assert found.study.startswith("toy-line-quick")


def test_a_climbing_search_runs_every_rung_and_its_best_is_a_mean(ask: Ask) -> None:
    opened = searched(ask())
    assert sizes(opened) == [(12, 12), (4, 4), (3, 3)]
    slots = Slots(opened).list(NAME)
    for rung in range(3):
        assert sum(dict(slot.params or {}) == HAND for slot in slots if slot.rung == rung) == 1  # the prior is on each
    status = study_status(opened, NAME)
    assert (status.fidelity, status.drawn, status.target, status.state) == (None, 12, 19, "done")
    assert [rung.fidelity for rung in status.rungs] == ["quick", "glance", "glance"]
    found = best(opened, NAME)
    drawn = {json.dumps(dict(slot.params or {})): slot.value or 0.0 for slot in slots if not slot.rung}
    top = max(value for params, value in drawn.items() if json.loads(params) != HAND)
    assert found.trainings == 2
    assert found.value == pytest.approx(top + 1.5)  # on the second rung one more, on the third two
    assert found.baseline is not None
    assert found.baseline.value == pytest.approx(drawn[json.dumps(HAND)] + 1.5)


@pytest.mark.thorough
def test_the_same_request_adds_nothing_a_larger_adds_trials_and_a_smaller_is_refused(ask: Ask) -> None:
    opened = searched(ask())
    assert plan(ask()).left == 0
    assert submit(ask()).added == 0
    with pytest.raises(UsageError, match="has 12 trials already, so it cannot be brought to 11"):
        plan(ask(trials=11))
    more = plan(ask(trials=20))  # three are promoted still, so nothing new is to be confirmed
    assert more.left == 8
    assert open_study(more)[1] == 8
    most = plan(ask(trials=60))
    assert most.left == 8 + 40 + 3 + 2
    assert open_study(most)[1] == 40 + 3 + 2
    assert Server(opened, NAME, height).run() == "drained"
    assert sizes(opened) == [(60, 60), (7, 7), (5, 5)]


@pytest.mark.parametrize("given", ["none", "FILE", "middle"])
def test_the_prior_option_chooses_the_configuration_tried_first(ask: Ask, tmp_path: Path, given: str) -> None:
    mine = {"x": 0.25, "kind": "b"}
    (tmp_path / "mine.json").write_text(json.dumps(mine))
    opened = storage.prepare(ask().storage)
    open_study(plan(ask(prior=str(tmp_path / "mine.json") if given == "FILE" else given)))
    first = [dict(slot.fixed) for slot in Slots(opened).list(NAME) if not slot.position]
    assert first == [{"none": {}, "FILE": mine, "middle": HAND}[given]] * 3
    assert [target for target, _ in sizes(opened)] == ([12, 3, 2] if given == "none" else [12, 4, 3])


@pytest.mark.thorough
def test_a_resumed_search_keeps_its_prior(ask: Ask) -> None:
    opened = searched(ask(prior="none"))
    assert sizes(opened) == [(12, 12), (3, 3), (2, 2)]
    assert plan(ask()).left == 0  # nobody said again that there is none
    assert submit(ask()).added == 0
    assert submit(ask(definition=NAME, trials=40)).added == 28 + 1 + 2


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("nobody", "toy has no baseline 'nobody' to begin with; there are: middle, none, or a JSON file"),
        ("two.json", "--prior takes one configuration, and .*two.json has 2: --try takes several"),
        ("wild.json", "wild.json: .*x=7.* is not a number from 0 to 1"),
        ("absent.json", "absent.json cannot be read"),
    ],
)
def test_an_invalid_prior_is_refused_before_a_database_is_made(ask: Ask, tmp_path: Path, given: str, why: str) -> None:
    Path("two.json").write_text(json.dumps([HAND, {"x": 0.25, "kind": "b"}]))
    Path("wild.json").write_text('{"x": 7, "kind": "a"}')
    with pytest.raises(UsageError, match=why):
        plan(ask(prior=given))
    assert not (tmp_path / "hpo.db").exists()


@pytest.mark.thorough
def test_results_are_compared_with_the_prior(ask: Ask, tmp_path: Path) -> None:
    mine = {"x": 0.25, "kind": "b"}
    (tmp_path / "mine.json").write_text(json.dumps(mine))
    opened = searched(ask(prior=str(tmp_path / "mine.json")))
    shown = best(opened, NAME).baseline
    assert shown is not None
    assert (shown.name, shown.outcome) == ("prior", "complete")
    found = contest(opened, CompareRequest(study=NAME))
    assert (found.hand.name, found.baseline.params) == ("prior", mine)
    assert contest(opened, CompareRequest(study=NAME, baseline="middle")).baseline.params == HAND
    assert plan(ask(trials=20)).prior == mine  # it goes on as it was made
    with pytest.raises(StudyError, match=r"did not begin with that hand-picked configuration: leave --prior out, or"):
        open_study(plan(ask(trials=20, prior="middle")))
    client = create(opened, shared_seconds=-1).test_client()
    assert "prior" in words(read(client, f"/studies/{NAME}"))


def test_fidelities_of_decreasing_work_make_no_rungs(ask: Ask, tmp_path: Path) -> None:
    falling = tmp_path / "falling.py"
    falling.write_text(
        "import dataclasses, toy\n"
        "from hpo.study import Fidelity\n"
        "fidelities = (Fidelity(name='long', epochs=9), Fidelity(name='short', epochs=3))\n"
        "study = dataclasses.replace(toy.study, fidelities=fidelities)\n"
    )
    found = plan(ask(definition=f"{falling}:study"))
    assert (found.rungs, found.fidelity.name) == ((), "long")
    assert found.stays == "fidelity 'short' is less work than the one before it, and rungs go from the cheapest up"


def test_a_study_that_climbs_is_never_changed_into_one_that_stays(ask: Ask) -> None:
    opened = storage.prepare(ask().storage)
    submit(ask(name="mine"))
    with pytest.raises(StudyError, match=r"one that climbs quick, glance, not one that stays on quick: .*--name"):
        submit(ask(name="mine", fidelity="quick"))
    submit(ask(name="other", fidelity="quick"))
    assert submit(ask(name="other", trials=13)).added == 1  # it goes on as it was made
    assert studies.get(opened, "other").rungs is None


def test_a_search_without_a_trial_at_the_highest_fidelity_counts_as_failed(ask: Ask) -> None:
    opened = searched(ask(trials=4), nowhere)
    found = study_status(opened, NAME)
    assert found.best is None
    assert found.nothing_complete is not None
    assert found.nothing_complete.why.startswith("4 at lower fidelities alone; 7 pruned, the last with ")
    with pytest.raises(StudyError, match="no trial of toy-line is complete: 4 at lower fidelities alone"):
        best(opened, NAME)
    with pytest.raises(StudyError, match=r"is complete at fidelity glance \(7 pruned, 0 failed, 0 not done\)"):
        contest(opened, CompareRequest(study=NAME, storage=opened.url))


@pytest.mark.thorough
def test_a_comparison_takes_trials_complete_at_the_highest_fidelity(ask: Ask) -> None:
    opened = searched(ask())
    found = contest(opened, CompareRequest(study=NAME, storage=opened.url, candidates=9))
    assert len(found.candidates) == 3  # of twelve drawn
    assert found.candidates[0].params == best(opened, NAME).params
    assert [side.value for side in found.candidates] == [
        pytest.approx(toy_height(side.params) + (1.5 if place < 2 else 1.0))
        for place, side in enumerate(found.candidates)
    ]
    assert found.baseline.value == pytest.approx(toy_height(HAND) + 1.5)
    with closing(plan_comparison(CompareRequest(study=NAME, storage=opened.url, pairs=2))) as ahead:
        # The search has confirmed its best, so no race is run: pairs alone.
        assert [(one.stage.name, one.left) for one in ahead.stages] == [("final", 4)]
    spent = budget(opened, found.record, toy.study, HAND)
    assert spent.search.trials == 19
    settled = sorted(Slots(opened).list(NAME), key=lambda slot: slot.settled_at or 0.0)
    assert spent.trials_to_pass is not None
    passed = settled[spent.trials_to_pass - 1]
    assert passed.highest  # none of the lower rung, whose values are others
    assert (passed.value or 0.0) > toy_height(HAND) + passed.rung


def toy_height(params: object) -> float:
    """What the toy's objective makes of a configuration on the first rung."""
    return toy.height(optuna.trial.FixedTrial(dict(params)))  # type: ignore[call-overload]


@pytest.mark.thorough
def test_importances_and_reports_never_mix_fidelities(ask: Ask) -> None:
    opened = searched(ask())
    found = importances(opened, NAME)
    assert (found.basis, found.trials) == ("complete at quick", 12)
    assert "12 trials are few" in found.note
    assert "7 settled trials are left out" in found.note
    record = studies.get(opened, NAME)
    assert search_command(record, 12).endswith("--trials 12 --space line --sampler random --pruner none --seed 1")


def test_slots_waiting_for_a_promotion_are_not_shown_as_trials(ask: Ask) -> None:
    opened = storage.prepare(ask().storage)
    submit(ask())
    assert points(Slots(opened).list(NAME)) == ()


@pytest.mark.thorough
def test_page_export_and_trial_command_name_the_rung_of_a_trial(ask: Ask) -> None:
    opened = searched(ask())
    found = gather(opened, NAME)
    assert found.climb is not None
    assert climb_data(found) is not None
    assert [one.trainings for one in found.incumbents] == [2, 2, 2, 1]
    given = {one.number for one in found.trials if one.given}
    assert given == {one.number for one in found.trials if dict(one.params) == dict(HAND)}
    assert given == {one.trial for one in history(opened, NAME) if one.given}
    _, trials = trial_records.read(opened, NAME)
    assert Counter((one.rung, one.fidelity) for one in trials) == {(0, "quick"): 12, (1, "glance"): 4, (2, "glance"): 3}
    assert {one.state for one in trials} == {"complete"}
    low = next(one for one in trials if not one.rung)
    assert low.number is not None
    shown = trial(opened, NAME, low.number)
    assert shown.rung_name == "quick"
    assert (shown.state, shown.rung, shown.fidelity) == ("complete", 0, "quick")
    client = create(opened, shared_seconds=-1).test_client()
    for page in ("/", f"/studies/{NAME}"):
        text = words(read(client, page))
        assert "quick 12 /12 glance 4 /4 confirmed 3 /3" in text
        assert "the mean of 2 trainings" in text
