"""Programs as studies: what they are told, what is read of them, how they are ended, and what is left of them."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import psutil
import pytest
from asking import asked

from hpo import storage
from hpo.errors import DefinitionError, HpoError, Infeasible
from hpo.experiments.compare.comparison_plan import plan_comparison
from hpo.experiments.compare.comparison_request import CompareRequest
from hpo.experiments.compare.comparison_run import run_comparison
from hpo.experiments.search_plan import plan
from hpo.experiments.search_run import leave
from hpo.fleet.worker.work_loop import Server
from hpo.search import OwnObjective
from hpo.search.program_output import ProgramFailed
from hpo.storage import Storage
from hpo.storage.queries import status, study_results
from hpo.storage.slots.slots import Slots
from hpo.study import registry
from hpo.study.plain_objective import PlainObjective

EXAMPLE = Path(__file__).parents[2] / "examples" / "shell_command.toml"
SPACE = '\nspace.x = {type = "float", low = 0.0, high = 1.0}\nspace.kind = {choices = ["a b", "c"]}\n'
LATER = 'space.y = {type = "int", low = 1, high = 9, when = {kind = "c"}}\n'


def shell(script: str, **keys: object) -> str:
    """A file for a script of the shell."""
    said = "".join(f"{name} = {json.dumps(value)}\n" for name, value in keys.items())
    return f"command = {json.dumps(['sh', '-c', script])}\n{said}"


Trying = Callable[..., Any]


@pytest.fixture
def tried(tmp_path: Path) -> Trying:
    """Runs one trial with the parameters that are given; its value, or what it raises."""

    def run(text: str, directions: tuple[str, ...] = ("minimize",), beat: Any = None, **params: Any) -> Any:
        (tmp_path / "p.toml").write_text(text + ("" if "space" in text else SPACE))
        objective = registry.find(str(tmp_path / "p.toml"), directions)  # type: ignore[arg-type]
        assert isinstance(objective, PlainObjective)
        study = optuna.create_study(directions=directions, study_name="a/study")
        study.enqueue_trial(params or {"x": 0.5, "kind": "c"})
        run.trial = study.ask()  # type: ignore[attr-defined]
        return OwnObjective(objective, seed=3, beat=beat)(run.trial)  # type: ignore[attr-defined]

    return run


@pytest.mark.parametrize(
    ("script", "keys", "value"),
    [
        ("echo begins; echo 0.25; echo", "", 0.25),
        ("echo 'loss: 3'; echo 'loss: 2.5 loss: -1e-3'; echo done", "value.pattern = 'loss: (\\S+)'", -1e-3),
        ("echo 'loss: 3' >&2; echo done", "value.pattern = 'loss: (?P<value>\\S+)'", 3.0),
        ('echo \'{"val": {"loss": 4}}\'; echo \'{"other": 1}\'; echo end', "value.key = 'val.loss'", 4.0),
        ("echo '{\"a\": 7}' > {folder}/out.json", "value = {key = 'a', file = '{folder}/out.json'}", 7.0),
        ("printf 5", "", 5.0),
        ("printf '10%%\\r100%%\\r6'", "", 6.0),
    ],
)
def test_a_programs_value_is_read_from_output_pattern_key_or_file(
    tried: Trying, script: str, keys: str, value: float
) -> None:
    assert tried(f"{shell(script)}{keys}") == value


def test_several_objectives_are_read_from_a_program(tried: Trying) -> None:
    both = ("minimize", "maximize")
    assert tried(shell("echo 1, 2"), both) == [1.0, 2.0]
    assert tried(shell("echo b=2 a=1") + "value.pattern = ['a=(\\S+)', 'b=(\\S+)']", both) == [1.0, 2.0]
    assert tried(shell('echo \'{"a": 1, "b": 2}\'') + "value.key = ['b', 'a']", both) == [2.0, 1.0]
    with pytest.raises(ProgramFailed, match="its value is to be 2 numbers, and what was read is '1'"):
        tried(shell("echo 1"), both)


def test_a_programs_command_is_filled_with_parameters(tried: Trying, tmp_path: Path) -> None:
    (tmp_path / "told.py").write_text("import sys\nopen('told', 'w').write(repr(sys.argv[1:]))\nprint(1)\n")
    words = '["--y", "{y}"], "--both={x}/{kind}", "{params}", "{seed}", "{trial}", "{{x}}"'
    text = f"command = [{json.dumps(sys.executable)}, 'told.py', {words}]\n"

    def told(text: str, **params: Any) -> str:
        assert tried(text + SPACE + LATER, **params) == 1
        return (tmp_path / "told").read_text()

    found = told(text, x=0.5, kind="c", y=3)
    seed = str(tried.trial.user_attrs["seed"])  # type: ignore[attr-defined]
    assert found == repr(["--y", "3", "--both=0.5/c", "--x", "0.5", "--kind", "c", "--y", "3", seed, "0", "{x}"])
    found = told(text, x=0.5, kind="a b")
    assert found == repr(["--both=0.5/a b", "--x", "0.5", "--kind", "a b", seed, "0", "{x}"])
    assert "'x=0.5', 'kind=a b'" in told(text + "option = '{name}={value}'\n", x=0.5, kind="a b")


def test_a_program_gets_its_environment_folder_and_params_file(
    tried: Trying, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-7")  # as a worker has it that leases one
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    seen = '"$KIND $HPO_SEED $HPO_TRIAL $CUDA_VISIBLE_DEVICES$KERAS_BACKEND $HPO_PARAMS"'
    script = f"echo {seen} > {{folder}}/seen; cat {{params_file}} >> {{folder}}/seen; echo 1"
    assert tried(shell(script) + "environment = { KIND = '<{kind}>' }\n") == 1
    attributes = tried.trial.user_attrs  # type: ignore[attr-defined]
    folder = tmp_path / "trials" / "a_study" / "0"
    assert attributes["folder"] == str(folder)
    params = json.dumps({"x": 0.5, "kind": "c"})
    assert (folder / "seen").read_text().splitlines() == [f"<c> {attributes['seed']} 0 GPU-7 {params}", params]


def test_parameters_in_a_shell_command_are_quoted(tried: Trying) -> None:
    text = 'command = "echo {kind} | wc -w"\nshell = true\n' + SPACE
    assert tried(text, x=0.5, kind="a b") == 2


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo a; echo b c >&2; exit 3", "exit code 3: b c"),
        ("echo only words; exit 4", "exit code 4: only words"),
        ("kill -SEGV $$", "killed by SIGSEGV"),
        ("kill -9 $$", "killed by SIGKILL"),
        ("echo none", "its value is to be a number, and what was read is 'none'"),
        ("true", "its value is to be a number, and what was read is ''"),
    ],
)
def test_a_failing_program_is_reported_with_exit_code_or_signal(tried: Trying, script: str, why: str) -> None:
    with pytest.raises(ProgramFailed, match=f"^{why}$"):
        tried(shell(script))


def test_a_missing_value_of_a_program_fails_with_the_reason(tried: Trying) -> None:
    with pytest.raises(ProgramFailed, match="there is no line of JSON with the key 'a'"):
        tried(shell("echo 1") + "value.key = 'a'")
    with pytest.raises(ProgramFailed, match=r"its value cannot be read in .*out.json: No such file"):
        tried(shell("true") + "value = {key = 'a', file = '{folder}/out.json'}")
    with pytest.raises(Infeasible, match="infeasible: exit code 77: too large"):
        tried(shell("echo too large >&2; exit 77", infeasible=[77]))
    with pytest.raises(DefinitionError, match="program 'no-such-program' cannot be started: No such file"):
        tried('command = ["no-such-program"]' + SPACE)
    with pytest.raises(HpoError, match=r"no program can be started in .*/none: No such file"):
        tried(shell("true", working_folder="none"))


def test_a_program_reports_to_the_pruner_and_is_ended_when_pruned(tried: Trying, tmp_path: Path) -> None:
    """The program would go on for ever: only its end ends the test."""
    endless = shell(
        "trap 'echo ended > ended; exit' TERM; n=0; while true; do n=$((n+1)); echo $n:$n.5; sleep 0.05; done"
    )
    endless += "reports.pattern = '(?P<step>.*):(?P<value>.*)'\n"
    study = optuna.create_study(pruner=optuna.pruners.ThresholdPruner(upper=3))
    (tmp_path / "p.toml").write_text(endless + SPACE)
    objective = registry.find(str(tmp_path / "p.toml"), ("minimize",))
    assert isinstance(objective, PlainObjective)
    study.optimize(OwnObjective(objective, seed=3), n_trials=1)
    (trial,) = study.trials
    assert trial.state.name == "PRUNED"
    assert trial.intermediate_values == {1: 1.5, 2: 2.5, 3: 3.5}
    assert (tmp_path / "ended").read_text() == "ended\n"


def test_a_programs_reports_may_be_json_lines_and_lack_steps(tried: Trying) -> None:
    lines = "".join(f"echo '{json.dumps({'at': n, 'loss': n / 2})}'; " for n in (3, 5))
    assert tried(shell(f"{lines}echo 1") + "reports = {value = 'loss', step = 'at'}\n") == 1
    trial = tried.trial  # type: ignore[attr-defined]
    assert trial.study.trials[0].intermediate_values == {3: 1.5, 5: 2.5}
    assert tried(shell(f"{lines}echo 1") + "reports.value = 'loss'\n") == 1
    trial = tried.trial  # type: ignore[attr-defined]
    assert trial.study.trials[0].intermediate_values == {0: 1.5, 1: 2.5}


class _LostError(Exception):
    pass


def test_a_worker_that_lost_its_slot_ends_the_program_and_its_children(tried: Trying, tmp_path: Path) -> None:
    """It does not heed SIGTERM, and a child of it has a session of its own."""
    started = threading.Event()
    fifo = tmp_path / "pids"
    os.mkfifo(fifo)
    pids: list[int] = []

    def read() -> None:
        pids.extend(map(int, fifo.read_text().split()))
        started.set()

    threading.Thread(target=read, daemon=True).start()

    def beat() -> None:
        if started.is_set():
            raise _LostError

    script = "trap '' TERM; setsid sleep 1000 & echo $$ $! > pids; while true; do echo on; sleep 0.2; done"
    with pytest.raises(_LostError):
        tried(shell(script, grace=0.2), beat=beat)
    assert len(pids) == 2
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_processes_a_program_leaves_behind_are_ended(tried: Trying, tmp_path: Path) -> None:
    assert tried(shell("sleep 1000 & echo $! > pid; setsid sleep 1000 & echo $! >> pid; echo 1")) == 1
    assert not any(psutil.pid_exists(int(pid)) for pid in (tmp_path / "pid").read_text().split())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Storage]:
    with closing(storage.prepare(f"sqlite:///{tmp_path / 'hpo.db'}")) as opened:
        yield opened


def searched(store: Storage, file: Path, **options: Any) -> status.StudyStatus:
    wanted = asked(definition=str(file), storage=store.url, workers=0, seed=3, **options)
    with closing(plan(wanted)) as planned:
        left = leave(planned)
    assert Server(store, left.study).run() == "drained"
    return status.study_status(store, left.study)


def test_a_worker_searches_a_program(store: Storage, tmp_path: Path) -> None:
    """No configuration comes twice, as its space is known; each ending is what it is for an objective."""
    script = "case {n} in 1) echo oh no >&2; exit 2;; 2) exit 9;; esac; echo says {n}; echo {n}.5"
    file = tmp_path / "small.toml"
    file.write_text(
        f'{shell(script, infeasible=[9], direction="minimize")}space.n = {{type = "int", low = 1, high = 6}}\n'
        "[baselines.hand]\nn = 4\n"
    )
    found = searched(store, file, trials=6, sampler="grid", prior="none")
    assert (found.study, found.complete, found.pruned, found.failed) == ("small", 4, 1, 1)
    slots = {(slot.params or {})["n"]: slot for slot in Slots(store).list("small")}
    assert sorted(slots) == [1, 2, 3, 4, 5, 6]
    assert (slots[1].outcome, slots[1].reason) == ("failed", "exit code 2: oh no")
    assert (slots[2].outcome, slots[2].reason) == ("pruned", "infeasible: exit code 9")
    assert study_results.best(store, "small").value == 3.5
    failed = study_results.trial(store, "small", slots[1].trial_number or 0)
    assert failed.traceback == "oh no"


@pytest.mark.thorough
def test_the_example_is_confirmed_and_compared_with_its_baseline(store: Storage) -> None:
    found = searched(store, EXAMPLE, trials=4)
    assert (found.study, found.metric, found.failed) == ("shell_command", "score", 0)
    assert [rung.target for rung in found.rungs] == [4, 3]
    request = CompareRequest(study="shell_command", storage=store.url, pairs=6)
    with closing(plan_comparison(request)) as planned:
        report = run_comparison(planned)
    assert report.comparison.pairs == 6
    assert len(set(report.scores.optimum)) == 6  # each pair has a seed of its own


@pytest.mark.thorough
def test_the_programs_keeper_process_survives_signals_and_reports_the_outcome(tmp_path: Path) -> None:
    """A worker that is killed closes the pipe: the program goes with it at once, whatever it heeds and may have."""
    text = """
from pathlib import Path
from hpo.search.running_program import RunningProgram
script = "trap '' TERM; echo $$; while true; do sleep 0.1; done"
where = {"folder": Path("."), "environment": {"PATH": "/bin:/usr/bin"}}
with RunningProgram(["sh", "-c", script], **where, grace=1000) as running:
    for line in running.lines(1.0):
        print(line[1], flush=True)
"""
    worker = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert worker.stdout is not None
    program = psutil.Process(int(worker.stdout.readline()))
    keeper = program.parent()
    assert keeper is not None
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    worker.stdout.close()
    _, alive = psutil.wait_procs([program, keeper], timeout=60)
    assert not alive
