"""Trials that a program asks for and tells: exactly as many as there are slots, whoever asks and whoever dies."""

import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import optuna
import pytest

import hpo
from hpo import storage
from hpo.errors import DefinitionError, HpoError, StudyError, UsageError
from hpo.fleet.supervisor.asking import Asking
from hpo.fleet.worker.work_loop import Server
from hpo.storage import studies
from hpo.storage.slots.slots import Slots

HELD = """
import sys

import hpo

study = hpo.create("ink", trials=6, direction="minimize", storage=sys.argv[1], seed=1)
first, second = study.ask(), study.ask()
print(first.number, second.number, second.suggest_float("x", -4, 4), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'hpo.db'}"


@pytest.fixture
def study(url: str) -> hpo.Study:
    return hpo.create("ink", trials=6, direction="minimize", metric="waste", storage=url, seed=1, try_=[{"x": 1.0}])


def asked(study: hpo.Study) -> optuna.Trial:
    trial = study.ask()
    assert trial is not None
    return trial


def settle_all(study: hpo.Study) -> list[int]:
    """Ask until there is nothing; the numbers of the trials."""
    numbers = []
    while (trial := study.ask()) is not None:
        numbers.append(trial.number)
        assert study.tell(trial, trial.suggest_float("x", -4.0, 4.0) ** 2) == "complete"
    return numbers


def test_ask_gives_exactly_as_many_trials_as_there_are_slots(study: hpo.Study) -> None:
    first = asked(study)
    assert first.suggest_float("x", -4.0, 4.0) == 1.0  # to be tried first
    rest = [asked(study) for _ in range(5)]
    assert study.ask() is None  # all in hand
    for trial in reversed(rest):
        assert study.tell(trial, trial.suggest_float("x", -4.0, 4.0) ** 2) == "complete"
    assert study.tell(first.number, 1.0) == "complete"
    assert study.ask() is None
    status = study.status
    assert (status.settled, status.complete, status.running, status.metric) == (6, 6, 0, "waste")
    assert study.best.value == min(trial.value or 0.0 for trial in study.trials)
    more = hpo.create("ink", trials=8, direction="minimize", metric="waste", storage=study.storage)
    assert settle_all(more) == [6, 7]


def test_tell_accepts_each_state_of_a_trial(study: hpo.Study) -> None:
    def boom() -> Exception:
        try:
            raise ZeroDivisionError("no ink")
        except ZeroDivisionError as error:
            return error

    assert study.tell(asked(study), state="pruned", reason="dull") == "pruned"
    assert study.tell(asked(study), state=optuna.trial.TrialState.FAIL, reason=boom()) == "failed"
    assert study.tell(asked(study), state="failed", reason="the pen broke") == "failed"
    assert study.tell(asked(study), math.nan) == "failed"
    with closing(storage.open(study.storage)) as opened:
        reasons = [slot.reason or "" for slot in Slots(opened).list("ink")][:4]
    assert reasons[:2] == ["dull", "ZeroDivisionError: no ink"]
    assert reasons[2].endswith("the pen broke")
    assert "nan" in reasons[3]
    assert [trial.state for trial in study.optuna.get_trials(deepcopy=False)][:2] == [
        optuna.trial.TrialState.PRUNED,
        optuna.trial.TrialState.FAIL,
    ]


def test_tell_refuses_invalid_states_values_and_trials(study: hpo.Study) -> None:
    trial = asked(study)
    with pytest.raises(UsageError, match="a trial ends complete, pruned or failed, not 'done'"):
        study.tell(trial, 1.0, state="done")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="told with its value"):
        study.tell(trial)
    with pytest.raises(UsageError, match="told with its value"):
        study.tell(trial, 1.0, state="pruned")
    with pytest.raises(UsageError, match=r"trial 7 of study 'ink' was not asked for by this handle.* in hand are 0"):
        study.tell(7, 1.0)
    study.tell(trial, 1.0)
    with pytest.raises(UsageError, match="has been told: in hand are none"):
        study.tell(trial, 1.0)


def test_a_trial_reports_and_is_pruned_as_in_any_search(url: str) -> None:
    study = hpo.create("ink", trials=8, direction="minimize", storage=url, seed=1)
    stopped = []
    while (trial := study.ask()) is not None:
        trial.report(float(trial.number), step=1)
        stopped.append(trial.should_prune())
        study.tell(trial, 0.0)
    assert stopped == [False] * 5 + [True] * 3  # of the median pruner, once it has five to compare with
    assert study.trials[3].curve == ((1, 3.0),)


def test_tell_takes_one_value_for_each_objective(url: str) -> None:
    study = hpo.create("ink", trials=3, direction=["minimize", "maximize"], metric=["waste", "speed"], storage=url)
    for value in (1.0, 2.0):
        assert study.tell(asked(study), [value, value]) == "complete"
    assert study.tell(asked(study), 3.0) == "failed"  # of two values one is missing
    assert study.status.objectives == ("waste", "speed")
    assert len(study.status.front) == 2


@pytest.mark.thorough
def test_a_killed_program_loses_no_slot(url: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HELD, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    first, second, drawn = process.stdout.readline().split()
    assert (first, second) == ("0", "1")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    study = hpo.create("ink", trials=6, direction="minimize", storage=url)
    params = []
    while (trial := study.ask()) is not None:
        params.append(trial.suggest_float("x", -4.0, 4.0))
        study.tell(trial, 0.0)
    assert len(params) == 6
    assert float(drawn) in params  # another attempt takes what the one before it had drawn
    assert (study.status.settled, study.status.complete) == (6, 6)
    states = [trial.state for trial in study.optuna.get_trials(deepcopy=False)]
    assert states.count(optuna.trial.TrialState.FAIL) == 2  # those of the dead
    assert optuna.trial.TrialState.RUNNING not in states


def test_a_trial_never_told_is_released_when_the_program_ends(study: hpo.Study) -> None:
    untold = asked(study)
    study._asking.close()  # type: ignore[union-attr] - as the end of the program does
    with closing(storage.open(study.storage)) as opened:
        slot = Slots(opened).list("ink")[0]
    assert (slot.state, slot.releases) == ("open", 1)  # no attempt
    assert study.optuna.trials[untold.number].state is optuna.trial.TrialState.FAIL
    again = hpo.load("ink", storage=study.storage)
    assert len(settle_all(again)) == 6


def test_telling_a_trial_whose_slot_was_taken_over_does_not_count(study: hpo.Study) -> None:
    trial = asked(study)
    with closing(storage.open(study.storage)) as opened:
        slots = Slots(opened)
        slots.release_all(slots.list("ink")[0].worker or "", "taken away")
        with pytest.raises(HpoError, match="went to somebody else"):
            study.tell(trial, 5.0)
        assert Slots(opened).list("ink")[0].state == "open"
    assert len(settle_all(study)) == 6


@pytest.fixture
def two(url: str) -> Iterator[list[Asking]]:
    hpo.create("ink", trials=40, direction="minimize", storage=url, sampler="random", seed=1)
    opened = [storage.open(url) for _ in range(2)]
    asking = [Asking(each, studies.get(each, "ink")) for each in opened]
    yield asking
    for each, its in zip(asking, opened, strict=True):
        each.close()
        its.close()


def test_two_asking_programs_share_the_slots(url: str, two: list[Asking]) -> None:
    from hpo.fleet.supervisor.asking import Told

    had: list[list[int]] = [[], []]

    def work(at: int) -> None:
        while (trial := two[at].ask()) is not None:
            had[at].append(trial.number)
            two[at].tell(trial.number, Told(value=trial.suggest_float("x", 0.0, 1.0)))

    threads = [threading.Thread(target=work, args=(at,)) for at in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(had[0] + had[1]) == list(range(40))
    assert hpo.load("ink", storage=url).status.complete == 40


def test_a_study_for_ask_and_tell_is_run_by_no_worker(study: hpo.Study) -> None:
    with closing(storage.open(study.storage)) as opened, pytest.raises(DefinitionError, match="asked for by a program"):
        Server(opened, "ink").run()
    with pytest.raises(StudyError, match="ink"):
        hpo.create("ink", trials=6, direction="maximize", storage=study.storage)

    def objective(trial: optuna.Trial) -> float:
        return float(os.getpid())

    with pytest.warns(match="one worker runs it in this process"):
        other = hpo.optimize(objective, trials=1, direction="minimize", storage=study.storage, progress=False)
    with pytest.raises(UsageError, match="are run by workers"):
        other.ask()
