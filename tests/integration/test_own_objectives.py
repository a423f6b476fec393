"""Optuna objectives of somebody's own, unchanged, on the slots, workers and queries that definitions have."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import optuna
import own
import pytest
import toy
from asking import asked
from paged import read, words

from hpo import storage
from hpo.errors import HpoError, UsageError
from hpo.experiments import trial_records
from hpo.experiments.compare.comparison_plan import plan_comparison
from hpo.experiments.compare.comparison_request import CompareRequest
from hpo.experiments.compare.comparison_run import run_comparison
from hpo.experiments.findings.gathering import gather
from hpo.experiments.findings.provenance import search_command
from hpo.experiments.findings.study_importances import importances
from hpo.experiments.search_plan import Request, plan
from hpo.experiments.search_run import leave, optimize
from hpo.fleet.run_limits import Limits
from hpo.fleet.supervisor.fleet_run import _keras_is_needed
from hpo.fleet.worker.work_loop import Server
from hpo.observers import Observer, TrialSettled
from hpo.report import document, markdown
from hpo.storage import Storage, studies
from hpo.storage.queries import status, study_results
from hpo.storage.slots.slots import Slots
from hpo.study import registry
from hpo.study.plain_objective import PlainObjective
from hpo.web.pages import create


def request(url: str, function: str, **options: Any) -> Request:
    directions = () if function in ("front", "seeded", "mistaken", "partial") else ("minimize",)
    wanted = {"trials": 8, "workers": 0, "seed": 1, "directions": directions, **options}
    return asked(definition=f"{own.FILE}:{function}", storage=url, **wanted)


def searched(store: Storage, function: str, **options: Any) -> status.StudyStatus:
    """A search by one worker in this process."""
    with closing(plan(request(store.url, function, **options))) as planned:
        left = leave(planned)
    assert Server(store, left.study).run() == "drained"
    found = status.study_status(store, left.study)
    assert found.settled == found.target
    return found


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'hpo.db'}"


@pytest.fixture
def file_store(url: str) -> Iterator[Storage]:
    with closing(storage.prepare(url)) as opened:
        yield opened


@pytest.mark.thorough
def test_an_optuna_objective_is_searched_with_its_best_and_trials(store: Storage) -> None:
    found = searched(store, "parabola", trials=12)
    assert (found.study, found.target, found.complete, found.metric) == ("parabola", 12, 12, "value")
    best = study_results.best(store, "parabola")
    told = optuna.load_study(study_name="parabola", storage=store.optuna)
    assert (best.value, best.number) == (told.best_value, told.best_trial.number)
    assert all(trial.user_attrs["told"] == {"x": trial.params["x"]} for trial in told.trials)
    assert {len(trial.params) for trial in told.trials} == {2, 3}  # y is there where it was asked for
    one = study_results.trial(store, "parabola", 3)
    assert (one.params, one.seed) == (told.trials[3].params, told.trials[3].user_attrs["seed"])
    assert [each.outcome for each in trial_records.read(store, "parabola")[1]] == ["complete"] * 12
    assert {one.name for one in importances(store, "parabola").parameters} == {"x", "y", "two"}


@pytest.mark.thorough
def test_a_resumed_objective_keeps_its_direction(file_store: Storage) -> None:
    searched(file_store, "parabola", trials=2)
    assert searched(file_store, "parabola", trials=4, directions=()).target == 4
    assert studies.get(file_store, "parabola").direction == "minimize"
    with pytest.raises(UsageError, match="has 4 trials already"):
        searched(file_store, "parabola", trials=3)


@pytest.mark.thorough
@pytest.mark.fresh
def test_a_trial_of_a_killed_process_is_retried_and_nothing_heavy_is_imported(url: str, tmp_path: Path) -> None:
    done = optimize(request(url, "killed", trials=6, workers=2))
    assert (done.settled, done.complete, done.failed) == (6, 6, 0)
    assert toy.unsound(url, "killed", trials=6) == []
    with closing(storage.open(url)) as opened:
        first, *others = Slots(opened).list("killed")
        assert (first.tries, [slot.tries for slot in others]) == (2, [1] * 5)
        assert repr(first.value) == (tmp_path / "killed").read_text()  # with the same parameters
        told = optuna.load_study(study_name="killed", storage=opened.optuna).get_trials()
    assert all(trial.user_attrs["imported"] == [] for trial in told)


@pytest.mark.thorough
def test_an_objective_prunes_its_own_trials(file_store: Storage) -> None:
    found = searched(file_store, "pruned", trials=12)
    assert (found.pruner, found.complete > 0, found.pruned > 0) == ("median", True, True)
    assert searched(file_store, "pruned", trials=8, pruner="none", name="all").pruned == 0
    assert searched(file_store, "pruned", trials=12, pruner="asha", name="halved").pruned > 0
    assert searched(file_store, "pruned", trials=12, pruner="hyperband", name="bracketed").complete > 0


def test_a_broken_constraint_is_infeasible(file_store: Storage) -> None:
    found = searched(file_store, "constrained", trials=12)
    assert found.best is not None
    assert found.best.value >= 2
    broken = [slot for slot in Slots(file_store).list("constrained") if slot.outcome == "pruned"]
    assert broken
    assert all(slot.reason == "infeasible: low above 0" for slot in broken)


def test_several_objectives_have_a_front(file_store: Storage) -> None:
    found = searched(file_store, "front", trials=6)
    assert (found.objectives, found.directions) == (("cost", "gain"), ("minimize", "maximize"))
    assert (found.pruner, len(found.front), found.rungs[0].target) == ("none", 6, 6)  # what costs more gains more
    told = optuna.load_study(study_name="front", storage=file_store.optuna)
    assert [direction.name for direction in told.directions] == ["MINIMIZE", "MAXIMIZE"]
    assert told.metric_names == ["cost", "gain"]
    assert len(told.best_trials) == 6


def test_the_baseline_runs_first_and_the_best_configurations_are_repeated(file_store: Storage) -> None:
    found = searched(file_store, "seeded", trials=8)
    assert [(rung.fidelity, rung.target) for rung in found.rungs] == [("full", 8), ("full", 3)]
    best = study_results.best(file_store, "seeded")
    assert best.trainings == 2
    assert best.baseline is not None
    assert (best.baseline.name, best.baseline.number) == ("hand", 0)
    slots = Slots(file_store).list("seeded")
    assert dict(slots[0].params or {}) == {"x": 3.0}
    seeds = [trial.seed for trial in trial_records.read(file_store, "seeded")[1]]
    assert len(set(seeds)) == 11
    again = [slot for slot in slots if slot.rung]
    assert {dict(slot.params or {})["x"] for slot in again} > {3.0}
    assert all(slot.outcome == "complete" for slot in again)


@pytest.mark.thorough
def test_an_objective_that_waits_longer_than_a_stall_keeps_its_lease(file_store: Storage) -> None:
    """Nobody can tell whether a function works or hangs: its process is what counts."""
    with closing(plan(request(file_store.url, "waits", trials=1))) as planned:
        leave(planned)
    loaded = cast("PlainObjective", registry.find(f"{own.FILE}:waits")).function.__globals__
    limits = Limits(lease_seconds=1.5, stall_seconds=2.0)
    renewed = threading.Semaphore(0)
    server = Server(file_store, "waits", limits=limits)
    renew = server._heartbeat._renew
    server._heartbeat._renew = lambda slot: [renew(slot), slot and renewed.release()][0]
    working = threading.Thread(target=server.run)
    working.start()
    assert loaded["ASKED"].wait(30)
    for _ in range(7):  # each half a second after the one before: past what a stall is
        assert renewed.acquire(timeout=30)
    loaded["GO"].set()
    working.join(60)
    assert [slot.tries for slot in Slots(file_store).list("waits")] == [1]
    assert status.study_status(file_store, "waits").complete == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"directions": ()}, "parabola does not say which of its values are better: give --direction"),
        ({"space": "wide"}, "suggests its parameters as it runs; leave --space out"),
        ({"fidelity": "full"}, "decides itself how much it trains; leave --fidelity out"),
        ({"from_study": "other"}, "use --try; leave --from out"),
        ({"objectives": "value,latency"}, "give several --direction, by commas; leave --objectives out"),
        ({"sampler": "grid"}, "sampler grid covers a space that is known beforehand"),
        ({"sampler": "qmc"}, "sampler qmc covers a space that is known beforehand"),
        ({"pruner": "wilcoxon"}, "parabola is judged by its own objective; use --pruner asha"),
        ({"prior": "mine"}, "parabola has no baseline 'mine' to begin with; there are: none, or a JSON file"),
    ],
)
def test_options_an_objective_does_not_support_are_refused(url: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        plan(request(url, "parabola", **options))


def test_another_objective_of_the_same_name_is_refused(file_store: Storage, tmp_path: Path) -> None:
    searched(file_store, "parabola", trials=1)
    other = tmp_path / "other.py"
    other.write_text("def parabola(trial):\n    return 1.0\n")
    wanted = asked(definition=f"{other}:parabola", storage=file_store.url, trials=2, directions=("minimize",))
    with pytest.raises(UsageError, match=r"'parabola' is of own.py:parabola, not of other.py:parabola: give .* --name"):
        plan(wanted)


def test_a_direction_for_a_definition_is_refused(url: str) -> None:
    wanted = asked(definition=f"{toy.FILE}:study", storage=url, trials=1, directions=("minimize",))
    with pytest.raises(UsageError, match="toy says itself that it is to maximize accuracy: leave --direction out"):
        plan(wanted)


@pytest.mark.parametrize("sampler", ["tpe", "random", "nsga2", "cmaes"])
def test_samplers_that_need_no_space_search_an_objective(file_store: Storage, sampler: str) -> None:
    assert searched(file_store, "parabola", trials=3, sampler=sampler, name=sampler).complete == 3


def test_a_planned_comparison_estimates_its_duration(file_store: Storage) -> None:
    searched(file_store, "seeded", trials=6)
    asked_for = CompareRequest(study="seeded", storage=file_store.url, pairs=6, limits=Limits(workers=1))
    took = [
        slot.settled_at - slot.started_at
        for slot in Slots(file_store).list("seeded")
        if slot.rung == 1 and slot.settled_at is not None and slot.started_at is not None
    ]
    with closing(plan_comparison(asked_for)) as planned:
        assert planned.seconds == pytest.approx(12 * sum(took) / len(took))


@pytest.mark.thorough
def test_optimum_and_baseline_are_run_in_pairs_of_the_same_seed(file_store: Storage) -> None:
    searched(file_store, "seeded", trials=6)
    told: list[TrialSettled] = []

    class Told(Observer):
        def trial_settled(self, event: TrialSettled) -> None:
            told.append(event)

    asked_for = CompareRequest(
        study="seeded", storage=file_store.url, pairs=6, limits=Limits(workers=0), observers=[Told()]
    )
    with closing(plan_comparison(asked_for)) as planned:
        assert [stage.stage.name for stage in planned.stages] == ["final"]  # confirmed: no race
        (final,) = (foreseen.stage for foreseen in planned.stages)
        record = studies.create_or_resume(file_store, final.plan)
        Slots(file_store).add(record.name, final.jobs)
        assert Server(file_store, record.name).run() == "drained"
        report = run_comparison(planned)
    assert (report.rows, report.comparison.pairs, report.comparison.verdict) == ("own", 6, "better")
    assert {(one.study.name, one.study.kind, one.study.parent) for one in told} == {(record.name, "pairs", "seeded")}
    assert [one.note for one in told][1::2] == [f"hand, pair {number}" for number in range(1, 7)]
    seeds = [trial.seed for trial in trial_records.read(file_store, record.name)[1]]
    assert seeds[0::2] == seeds[1::2]
    assert len(set(seeds)) == 6
    luck = [a - b for a, b in zip(report.scores.optimum, report.scores.baseline, strict=True)]
    assert max(luck) - min(luck) < 1e-9  # of one seed: only the configuration differs
    text = markdown(document(gather(file_store, "seeded")))
    assert "in runs with common seeds" in text
    assert "validation" not in text
    assert "test rows" not in text.replace("test rows anew", "").replace("of one test set", "")
    assert f"hpo optimize {own.FILE}:seeded --trials 6 --direction minimize --sampler tpe" in text


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        ("parabola", {}, r"takes no seed from its trial, .* hpo.seed\(trial\), .* @hpo.tunable\(seeds=True\)"),
        ("seeded", {"resample": True}, "draws its rows itself: leave --resample and --no-resample out"),
        ("seeded", {"baseline": "other"}, "seeded has no baseline 'other'; it has: hand"),
    ],
)
def test_comparisons_an_objective_does_not_support_are_refused(
    file_store: Storage, function: str, options: dict[str, Any], message: str
) -> None:
    searched(file_store, function, trials=2)
    with pytest.raises(HpoError, match=message):
        plan_comparison(CompareRequest(study=function, storage=file_store.url, **options))


def test_a_report_of_several_objectives_draws_their_front(file_store: Storage) -> None:
    searched(file_store, "front", trials=4)
    found = gather(file_store, "front")
    assert {one.part for one in found.missing} == {"comparison", "importances"}
    assert "Lower cost is better, and higher gain." in markdown(document(found))
    assert "--direction minimize,maximize" in search_command(studies.get(file_store, "front"), 4)


def test_a_fleet_of_objectives_alone_needs_no_keras(file_store: Storage) -> None:
    assert _keras_is_needed(file_store, ())  # whatever comes
    with closing(plan(request(file_store.url, "parabola"))) as planned:
        leave(planned)
    assert not _keras_is_needed(file_store, ())
    leave_toy = asked(definition=f"{toy.FILE}:study", storage=file_store.url, trials=1, workers=0)
    with closing(plan(leave_toy)) as planned:
        leave(planned)
    assert _keras_is_needed(file_store, ())
    assert not _keras_is_needed(file_store, ("parabola",))


def test_a_trial_suggesting_other_parameters_than_configured_fails(file_store: Storage) -> None:
    searched(file_store, "mistaken", trials=3)
    first, *others = (slot for slot in Slots(file_store).list("mistaken") if not slot.rung)
    assert first.outcome == "failed"
    assert "the configuration names 'y', and the objective suggested x" in (first.reason or "")
    assert [slot.outcome for slot in others] == ["complete"] * 2


def test_a_pair_with_a_partial_configuration_fails_and_names_the_parameter(file_store: Storage) -> None:
    searched(file_store, "partial", trials=3)
    asked_for = CompareRequest(study="partial", storage=file_store.url, pairs=1, limits=Limits(workers=0))
    with closing(plan_comparison(asked_for)) as planned:
        (final,) = (foreseen.stage for foreseen in planned.stages)
        record = studies.create_or_resume(file_store, final.plan)
        Slots(file_store).add(record.name, final.jobs)
        assert Server(file_store, record.name).run() == "drained"
    optimum, hand = Slots(file_store).list(record.name)
    assert optimum.outcome == "complete"
    assert "the configuration does not name 'y', which the objective suggests" in (hand.reason or "")


def test_pages_show_a_study_of_an_objective(file_store: Storage) -> None:
    searched(file_store, "seeded", trials=4)
    searched(file_store, "front", trials=4)
    client = create(file_store, shared_seconds=-1).test_client()
    text = words(read(client, "/studies/seeded"))
    assert "seeded, space define-by-run, rungs full 4/4, confirmed" in text
    assert "hand" in text
    assert "minimize cost against higher gain" in words(read(client, "/studies/front"))
    assert "minimize cost against higher gain" in words(read(client, "/"))
