import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpo.errors import DefinitionError
from hpo.study import registry
from hpo.study.contained import EndedError, contained, run


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("raise StopIteration", "StopIteration"),
        ("import asyncio\nraise asyncio.CancelledError", "CancelledError"),
        ("class E(BaseException): pass\nraise E('mine')", "E: mine"),
        ("class E(Exception):\n    def __str__(self): raise SystemExit(9)\nraise E", "E"),
        ("import os\nos._exit(7)", r"ProcessExit: os\._exit\(7\)"),
        ("import os\nos.abort()", r"ProcessExit: os\.abort\(\)"),
    ],
)
def test_any_exception_of_a_loaded_file_is_one_line_with_its_position(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(DefinitionError, match=rf"^{tmp_path}/mine\.py:{text.count(chr(10)) + 1}: {said}$"):
        registry.load(f"{tmp_path / 'mine.py'}:study")


@pytest.fixture(autouse=True)
def _interrupts() -> Iterator[None]:
    """Ctrl-C interrupts, also where the tests run in the background, which a shell starts with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_by_a_signal_goes_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        contained(lambda: signal.raise_signal(signal.SIGINT))


def test_code_does_not_turn_interrupts_off() -> None:
    contained(lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_code_in_another_thread_is_contained_too() -> None:
    raised: list[BaseException] = []

    def work() -> None:
        try:
            contained(lambda: sys.exit(3))
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert [type(error) for error in raised] == [EndedError]


def test_a_process_forked_by_loaded_code_keeps_its_exit_code() -> None:
    def fork() -> int:
        child = os.fork()
        if child == 0:
            os._exit(5)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    assert contained(fork) == 5


REMOVING = "import sys\nfor name in [name for name in sys.modules if name.startswith('hpo')]: "


@pytest.mark.parametrize(
    "act",
    [
        f"{REMOVING}del sys.modules[name]",
        f"{REMOVING}del sys.modules[name]\nimport hpo.errors, hpo.study, hpo.analysis.ranking",
        f"{REMOVING}sys.modules[name] = None",
        "import sys\nsys.modules.clear()",
        "import sys, types\nsys.modules['hpo.nosuch'] = sys.modules['json'] = types.ModuleType('fake')",
    ],
)
def test_loaded_code_cannot_change_imported_modules(act: str) -> None:
    import hpo.study.value_checks

    before = dict(sys.modules)
    contained(lambda: exec(act, {}))
    assert {name: module for name, module in sys.modules.items() if name in before} == before
    assert sys.modules["hpo"].study is sys.modules["hpo.study"]
    assert sys.modules["hpo.study"].value_checks is hpo.study.value_checks
    assert "hpo.nosuch" not in sys.modules
    from hpo.analysis.ranking import UsageError  # whether it was there before or not, its classes are ours

    assert UsageError is sys.modules["hpo.errors"].UsageError


def test_loaded_code_cannot_change_interpreter_settings() -> None:
    path, depth, printing = list(sys.path), sys.getrecursionlimit(), print
    act = "import builtins, sys; sys.path[:] = [None, '/mine']; sys.setrecursionlimit(99); builtins.print = None"
    try:
        contained(lambda: exec(act, {}))
        assert (sys.path, sys.getrecursionlimit(), print) == (["/mine", *path], depth, printing)
    finally:
        sys.path[:] = path


def test_streams_that_were_closed_are_open_again(tmp_path: Path) -> None:
    script = (
        "import os, sys; from hpo.study.contained import contained\n"
        "contained(lambda: [stream.close() for stream in (sys.stdin, sys.stdout, sys.stderr)])\n"
        "print('out'); print('err', file=sys.stderr)\n"
        "contained(lambda: [os.close(number) for number in (0, 1, 2)])\n"
        "assert all(os.fstat(number) for number in (0, 1, 2))\n"
        "contained(lambda: setattr(sys, 'stdout', None)); assert sys.stdout is not None\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("out\n", "err\n")


def test_a_failing_function_is_reported_with_its_line(tmp_path: Path) -> None:
    module: dict[str, object] = {}
    file = tmp_path / "mine.py"
    exec(compile("\ndef f(): return 1 / 0", str(file), "exec"), module)
    with pytest.raises(DefinitionError, match=rf"f\(\) of 'mine' failed: {file}:2: ZeroDivisionError: division"):
        run("f() of 'mine'", module["f"])  # type: ignore[arg-type]


def test_a_command_ends_although_a_definition_left_a_thread(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import threading\nthreading.Thread(target=threading.Event().wait).start()\n")
    hpo = Path(sys.executable).with_name("hpo")
    began = time.monotonic()
    done = subprocess.run([hpo, "show", "mine.py:study"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "it has neither a StudyDefinition" in done.stderr
    assert time.monotonic() - began < 60
