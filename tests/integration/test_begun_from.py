"""A search that begins from an earlier one: its sampler knows what that found, and its budget does not."""

from pathlib import Path

import pytest
import toy
from asking import asked
from optuna.trial import TrialState

from hpo import storage
from hpo.errors import StudyError, UsageError
from hpo.experiments.search_plan import plan
from hpo.experiments.search_run import leave, submit
from hpo.optuna_internals import FROM
from hpo.search import digest
from hpo.search.distinct import Tried
from hpo.storage import Storage, studies
from hpo.storage.slots import slot_trials
from hpo.storage.slots.slots import Slots


@pytest.fixture
def opened(tmp_path: Path) -> Storage:
    return storage.prepare(f"sqlite:///{tmp_path}/hpo.db")


def wanted(opened: Storage, **options: object):  # type: ignore[no-untyped-def]
    base = {"definition": f"{toy.FILE}:study", "storage": opened.url, "trials": 4, "workers": 0, "fidelity": "quick"}
    return asked(**{**base, **options})


def search(opened: Storage, name: str, values: dict[float, float]) -> None:
    """A search that found these values of x, with kind b."""
    submit(wanted(opened, name=name, trials=len(values), prior="none"))
    slots = Slots(opened)
    for x, value in values.items():
        slot = slots.claim(name, "w", 60)
        assert slot is not None
        slots.settle(slot, "complete", value, params={"x": x, "kind": "b"})


def test_earlier_trials_inform_the_sampler_and_do_not_use_the_budget(opened: Storage) -> None:
    search(opened, "earlier", {number / 20: number / 100 for number in range(15)})
    submit(wanted(opened, name="later", from_study="earlier", prior="none"))
    submit(wanted(opened, name="later", from_study="earlier", prior="none"))  # again: they are told once
    optunas = studies.load(opened, "later")
    told = [trial for trial in optunas.get_trials() if trial.system_attrs.get(FROM) == "earlier"]
    assert len(told) == len(optunas.get_trials()) == 15
    assert {trial.state for trial in told} == {TrialState.PRUNED}
    assert max(trial.params["x"] for trial in told) == 14 / 20
    assert told[0].intermediate_values == {9: 0.14}
    assert Slots(opened).counts("later").target == 4
    assert Slots(opened).counts("later").settled == 0
    assert Slots(opened).incumbent("later", "maximize") is None


def test_configurations_of_the_earlier_search_may_be_tried_again(opened: Storage) -> None:
    search(opened, "earlier", {0.25: 0.9})
    submit(wanted(opened, name="later", from_study="earlier", prior="none"))
    tried = Tried(toy.study.spaces[0])
    tried.refresh(studies.load(opened, "later"), without=-1)
    assert tried.add(digest({"x": 0.25, "kind": "b"}))


@pytest.mark.thorough
def test_tpe_begins_where_the_earlier_search_ended(opened: Storage) -> None:
    search(opened, "earlier", {number / 30: 1.0 - abs(number / 30 - 0.8) for number in range(30)})
    drawn = []
    for name, earlier in (("warm", "earlier"), ("cold", None)):
        submit(wanted(opened, name=name, from_study=earlier, prior="none", trials=12, sampler="tpe", seed=3))
        from hpo.search import make_sampler

        sampler = make_sampler("tpe", space=toy.study.spaces[0], seed=3)
        optunas = studies.load(opened, name, sampler=sampler)
        xs = []
        slots = Slots(opened)
        for _ in range(12):
            slot = slots.claim(name, "w", 60)
            assert slot is not None
            trial = slot_trials.create(opened, optunas, slot)
            xs.append(trial.suggest_float("x", 0.0, 1.0))
            trial.suggest_categorical("kind", ("a", "b"))
            slots.settle(slot, "failed")
            slot_trials.tell(opened, trial._trial_id, "failed")
        drawn.append(sum(abs(x - 0.8) for x in xs) / len(xs))
    assert drawn[0] < drawn[1]


def test_an_unsuitable_earlier_study_is_refused_in_one_line(opened: Storage) -> None:
    with pytest.raises(StudyError, match="there is no study 'nowhere'"):
        plan(wanted(opened, from_study="nowhere"))
    submit(wanted(opened, name="empty"))
    with pytest.raises(UsageError, match="no complete trial of study 'empty' is a configuration of space 'line'"):
        plan(wanted(opened, name="later", from_study="empty"))
    with pytest.raises(UsageError, match="no database yet"):
        plan(wanted(opened, storage="sqlite:////tmp/there-is-none-of-hpo.db", from_study="empty"))


def test_a_search_begun_from_another_reports_it(opened: Storage, capsys: pytest.CaptureFixture[str]) -> None:
    from hpo.cli.printing.search_text import announce

    search(opened, "earlier", {0.25: 0.9, 0.5: 0.8})
    planned = plan(wanted(opened, name="later", from_study="earlier"))
    announce(planned)
    assert "begins   with 2 trials of study earlier" in capsys.readouterr().err
    leave(planned)
