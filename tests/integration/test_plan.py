"""What a run is going to do, told before it changes anything."""

from dataclasses import replace
from pathlib import Path

import pytest
from asking import asked

from hpo import storage
from hpo.cli.printing.search_text import announce, conclude
from hpo.errors import UsageError
from hpo.experiments.search_plan import Request, plan
from hpo.storage import studies
from hpo.storage.queries.status import snapshot
from hpo.storage.slots.slots import Slots

DEFINITION = """
from hpo.study import *

def nothing(*_):
    raise AssertionError("nothing is trained here")

study = StudyDefinition(
    name="toy", title="Toy", data=nothing, build=nothing, metric="mae", direction="minimize",
    spaces=(
        Space(name="small", params={"x": Float(low=0.0, high=1.0)}),
        Space(name="large", params={"x": Float(low=0.0, high=9.0)}, relative_time=2.5),
    ),
    evaluation=Holdout(rows=1),
    fidelities=(Fidelity(name="quick", epochs=1, trial_seconds=10.0), Fidelity(name="full", epochs=20)),
)
"""


@pytest.fixture
def wanted(tmp_path: Path):
    (tmp_path / "toy.py").write_text(DEFINITION)

    def request(**options: object) -> Request:
        base = {"definition": f"{tmp_path}/toy.py:study", "trials": 6, "fidelity": "quick"}
        base["storage"] = f"sqlite:///{tmp_path}/hpo.db"
        return asked(**{**base, "workers": 2, **options})

    return request


def begin(request: Request, pruner: str = "none") -> storage.Storage:
    ahead = plan(request)
    opened = storage.prepare(request.storage)
    studies.create_or_resume(
        opened,
        studies.StudyPlan(
            name=ahead.study, reference=request.definition, definition="toy", space="small",
            fingerprint=ahead.space.fingerprint, fidelity=ahead.fidelity.name, direction="minimize", metric="mae",
            sampler="random", pruner=pruner,
        ),
    )  # fmt: skip
    Slots(opened).open(ahead.study, request.trials)
    return opened


def test_a_new_study_is_planned_from_its_definition_and_nothing_is_made(wanted, tmp_path: Path) -> None:
    found = plan(wanted())
    assert (found.study, found.existing, found.left, found.workers) == ("toy-small-quick", None, 6, 2)
    assert (found.seconds, found.measured) == (30.0, False)  # six trials of 10 s by two workers
    assert plan(wanted(space="large")).seconds == 75.0
    assert (found.sampler, found.pruner) == ("tpe", "none")  # one epoch leaves the default pruner nothing to stop
    assert plan(wanted(fidelity="full")).pruner == "asha"
    assert plan(wanted(fidelity="full")).seconds is None
    assert not (tmp_path / "hpo.db").exists()


def test_a_study_that_goes_on_keeps_its_sampler_and_pruner_and_its_own_pace(wanted) -> None:
    opened = begin(wanted())
    slots = Slots(opened)
    slot = slots.claim("toy-small-quick", "me", 60)
    assert slot is not None
    assert slots.settle(slot, "complete", 0.5, params={"x": 0.1})
    found = plan(wanted(trials=11))
    assert (found.left, found.sampler, found.pruner) == (10, "random", "none")
    assert found.existing is not None
    assert found.existing.settled == 1
    assert found.measured
    assert found.seconds is not None
    assert found.seconds < 30.0  # a claim and its settling took no ten seconds


def test_a_plan_with_fewer_trials_than_exist_is_refused(wanted) -> None:
    begin(wanted())
    with pytest.raises(UsageError, match="6 trials already"):
        plan(wanted(trials=5))


def test_a_plan_knows_whether_its_storage_is_the_default(
    wanted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plan(wanted()).default_storage  # tests run in their own folder, where hpo.db would be
    assert not plan(wanted(storage=f"sqlite:///{tmp_path}/other.db")).default_storage
    monkeypatch.setenv("HPO_STORAGE", f"sqlite:///{tmp_path}/other.db")
    assert plan(wanted(storage=f"sqlite:///{tmp_path}/other.db")).default_storage


def test_a_plan_is_told_with_the_time_it_may_take(wanted, capsys: pytest.CaptureFixture[str]) -> None:
    for options, told in (
        ({}, "time     about 30 s at a guess, on cores of a common laptop;"),
        ({"timeout": 300.0}, "time     about 30 s at a guess, on cores of a common laptop, 5 min at most;"),
        ({"fidelity": "full", "timeout": 300.0}, "time     told after the first trials, 5 min at most;"),
    ):
        announce(plan(wanted(**options)))
        assert told in capsys.readouterr().err


def test_a_timed_out_search_reports_that_no_trial_is_complete(wanted, capsys: pytest.CaptureFixture[str]) -> None:
    request = wanted(trials=2)
    ahead = plan(request)
    opened = begin(request)
    slots = Slots(opened)
    slot = slots.claim(ahead.study, "me", 60)
    assert slot is not None
    slots.settle(slot, "pruned", reason="infeasible: too wide")
    conclude(ahead, replace(snapshot(opened, ahead.study), ended="timeout"), quiet=False)
    told = capsys.readouterr().out
    assert "1 of 2 trials" in told
    assert "no trial is complete yet, so there is no best one" in told
    assert "next:" not in told


def test_configurations_of_a_file_are_tried_first_and_an_invalid_one_is_refused(wanted, tmp_path: Path) -> None:
    mine = tmp_path / "mine.json"
    mine.write_text('[{"x": 0.25}, {"x": 0.75}, {"x": 0.25}]')
    found = plan(wanted(try_file=mine, try_=[{"x": 0.75}]))
    assert found.first == ({"x": 0.75}, {"x": 0.25})
    with pytest.raises(UsageError, match=r"2 configurations are to be tried first, .* give --trials 2 or more"):
        plan(wanted(try_file=mine, trials=1))
    mine.write_text('{"x": 7}')
    with pytest.raises(UsageError, match=r"mine.json: .*x.*; space 'small' of toy is meant"):
        plan(wanted(try_file=mine))
    assert not (tmp_path / "hpo.db").exists()
