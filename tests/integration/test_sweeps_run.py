"""Tables trained through real workers: nothing twice, everything told."""

from contextlib import closing
from pathlib import Path

import pytest
import small_tables

from hpo import storage
from hpo.errors import StudyError
from hpo.experiments import measure
from hpo.experiments.measure import Limits
from hpo.experiments.sweep.greedy_method import GreedyReport, read_greedy
from hpo.experiments.sweep.sweep_jobs import as_reported, sweep_study
from hpo.experiments.sweep.sweep_plan import SweepRequest, plan_sweep
from hpo.experiments.sweep.sweep_report import SweepReport, read
from hpo.experiments.sweep.sweep_run import run_greedy, run_sweep
from hpo.storage.slots.slots import Slots

REFERENCE = f"{small_tables.FILE}:study"
ONE = Limits(workers=1)


def ask(url: str, *sweeps: str, **changes) -> SweepRequest:
    return SweepRequest(**{"definition": REFERENCE, "sweeps": sweeps, "storage": url, "limits": ONE, **changes})


def sweep(request: SweepRequest) -> SweepReport:
    with closing(plan_sweep(request)) as plan:
        return run_sweep(plan)


def greedy(request: SweepRequest) -> GreedyReport:
    with closing(plan_sweep(request)) as plan:
        return run_greedy(plan)


def trained(url: str, study: str) -> dict[str, int | None]:
    """Key of each settled job -> the number of its trial."""
    opened = storage.open(url)
    try:
        return {key: result.trial_number for key, result in measure.results(opened, study).items()}
    finally:
        opened.close()


@pytest.mark.thorough
def test_each_configuration_is_trained_once_and_more_repeats_train_only_what_is_new(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hpo.db'}"
    opened = storage.prepare(url)
    assert read(opened, small_tables.study, "long") is None

    first = sweep(ask(url))
    assert (first.study, first.fidelity, first.against_report) == ("tables-sweep-long", "long", True)
    assert (first.jobs, first.left, first.repeats, first.ended) == (4, 0, 1, "done")  # five rows, two of them alike
    rates, kinds = first.tables
    assert rates.best == 1
    slow, fast = (row.figures["test"].measured for row in rates.rows)
    assert fast[0] < 0.1 < slow[0]
    assert kinds.rows[0].figures["test"].measured == slow
    assert set(kinds.rows[0].figures) == {"train", "test", "seconds"}
    assert kinds.rows[1].reasons == ("infeasible: it is impossible",)
    assert "diverged" in kinds.rows[2].reasons[0]
    assert not kinds.rows[2].figures
    assert rates.verdict == "undecided"

    before = trained(url, first.study)
    ahead = plan_sweep(ask(url, "rate", repeats=3))
    assert (len(ahead.sweeps), ahead.rows, len(ahead.jobs), ahead.left, ahead.measured) == (1, 2, 6, 4, True)
    second = sweep(ask(url, "rate", repeats=3))
    after = trained(url, first.study)
    assert len(after) == 8
    assert {key: after[key] for key in before} == before
    assert (second.jobs, second.left, second.repeats) == (6, 0, 3)
    assert second.tables[0].rows[0].figures["test"].measured[0] == slow[0]
    assert len(set(second.tables[0].rows[0].figures["test"].measured)) == 3
    assert second.tables[0].verdict == "refuted"
    assert second.tables[0].better == (1,)
    assert second.tables[0].rows[1].figures["test"].disagrees  # 0.5, says the report of the toy

    again = sweep(ask(url, repeats=1))  # starts no worker, and hides none of what there is
    assert trained(url, first.study) == after
    assert (again.jobs, again.repeats) == (8, 3)
    seen = read(opened, small_tables.study, "long")
    assert seen is not None
    assert (seen.tables, seen.ended) == (again.tables, None)

    seed = sweep_study(opened, small_tables.study, REFERENCE, "long").seed
    assert seed is not None
    jobs = as_reported(small_tables.study, small_tables.BASE, 3, seed)
    assert {job.key for job in jobs} <= set(after)
    opened.close()


@pytest.mark.thorough
def test_the_greedy_method_builds_on_its_choices_and_sees_no_test_row(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hpo.db'}"
    ahead = plan_sweep(ask(url, greedy=True, fidelity="quick", repeats=2))
    assert (ahead.study, len(ahead.sweeps), ahead.rows, ahead.left) == ("tables-greedy-quick", 2, 5, 6)

    found = greedy(ask(url, greedy=True, fidelity="quick", repeats=2))
    assert found.complete
    assert [table.chosen for table in found.tables] == [1, 0]
    assert found.final == {"rate": 0.05, "kind": "plain"}
    assert found.reported == {"rate": 0.0001, "kind": "plain"}
    impossible, explodes = found.tables[1].rows[1:]
    assert impossible.reason == "infeasible: it is impossible"
    assert "diverged" in str(explodes.reason)
    opened = storage.open(url)
    slots = Slots(opened).list("tables-greedy-quick")
    assert {slot.payload["job"]["rows"] for slot in slots} == {"validation"}
    assert len(slots) == 6  # two rates and one kind that may be trained, on two splits each

    assert greedy(ask(url, greedy=True, fidelity="quick", repeats=2)).tables == found.tables
    assert len(Slots(opened).list("tables-greedy-quick")) == 6
    assert plan_sweep(ask(url, greedy=True, fidelity="quick", repeats=2)).left == 0
    seen = read_greedy(opened, small_tables.study, "quick")
    assert seen is not None
    assert (seen.tables, seen.repeats, seen.complete) == (found.tables, 2, True)
    assert read_greedy(opened, small_tables.study, "long") is None
    opened.close()


def test_a_sweep_past_its_timeout_reports_what_is_left_and_keeps_its_seed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hpo.db'}"
    rushed = sweep(ask(url, "rate", seed=7, limits=Limits(workers=1, timeout=0.01)))
    assert (rushed.ended, rushed.jobs, rushed.left) == ("timeout", 0, 2)
    assert rushed.tables[0].verdict == "undecided"
    ahead = plan_sweep(ask(url, "kind"))
    assert (ahead.left, ahead.others) == (3, 1)  # the fast rate was left undone and is no row of this table
    with pytest.raises(StudyError, match="made with seed 7, not 8: leave --seed out"):
        sweep(ask(url, seed=8))
    method = greedy(ask(url, greedy=True, fidelity="quick", limits=Limits(workers=1, timeout=0.01)))
    assert (method.ended, method.complete, method.tables) == ("timeout", False, ())
