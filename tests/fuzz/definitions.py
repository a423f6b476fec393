"""Definitions that misbehave, by what they do: when they are imported, and when their functions are called."""

from collections.abc import Mapping

__all__ = ["AT_CALLS", "AT_IMPORT", "FIELDS", "MAY", "PROGRAM", "TOY", "text"]

MAY = ("changes the folder", "clears the environment", "sets settings")  # which it may, whatever comes of that

PROGRAM = """
command = "echo {x}"
direction = "minimize"
space.x = { type = "int", low = 1, high = 9 }
"""

TOY = """
from hpo.study import Baseline, Fidelity, Float, Holdout, Row, Space, StudyDefinition, Sweep
import numpy as np

def data():
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(40, 2)).astype("float32"), draw.normal(size=40).astype("float32")
    return (x[:30], y[:30]), (x[30:], y[30:])

def build(params):
    import keras
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model

def infeasible(params):
    return None

space = Space(name="small", params={"x": Float(low=0.0, high=1.0)})
fields = dict(
    name="toy", title="Toy", data=data, build=build, metric="mae", direction="minimize", spaces=(space,),
    evaluation=Holdout(rows=5), fidelities=(Fidelity(name="quick", epochs=1),), infeasible=infeasible,
    baselines=(Baseline(name="by-hand", title="A guess", params={"x": 0.5}),),
    sweeps=(Sweep(id="xs", title="", base={"x": 0.5}, rows=(Row(setting={"x": 0.1}), Row(setting={})), chosen=0),),
)
"""
_MADE = "study = StudyDefinition(**fields)\n"

_REMOVING = "import sys\nfor n in [n for n in sys.modules if n.startswith('hpo')]: del sys.modules[n]"
_REPLACING = "import sys, types\nfor n in [n for n in sys.modules if n.startswith('hpo.')]: sys.modules[n] = "

AT_IMPORT: Mapping[str, str] = {
    "raises": "raise RuntimeError('no')",
    "raises in many lines": "raise ValueError('one\\n\\ntwo\\n' * 500)",
    "raises what cannot be said": "class E(Exception):\n    def __str__(self): raise RuntimeError\nraise E",
    "raises what exits when it is said": "class E(Exception):\n    def __str__(self): raise SystemExit(9)\nraise E",
    "raises without end": "raise ExceptionGroup('all', [ValueError(str(n)) for n in range(100)])",
    "interrupts": "raise KeyboardInterrupt",
    "exits": "import sys; sys.exit(0)",
    "exits with a text": "raise SystemExit('good bye')",
    "exits with an object": "raise SystemExit(object())",
    "is cancelled": "import asyncio; raise asyncio.CancelledError",
    "ends a generator": "raise GeneratorExit",
    "stops an iteration": "raise StopIteration",
    "raises a BaseException of its own": "class E(BaseException): pass\nraise E('mine')",
    "runs out of memory": "x = bytearray(2 ** 62)",
    "says it is out of memory": "raise MemoryError",
    "recurses": "def f(): f()\nf()",
    "has no end of brackets": "x = " + "(" * 300 + ")" * 300,
    "does not parse": "def broken(:",
    "is indented badly": "  x = 1\n y = 2",
    "imports what is not there": "import nosuch_module_at_all",
    "imports itself": "import misbehaving",
    "divides by zero": "1 / 0",
    "leaves at once": "import os; os._exit(0)",
    "leaves with a code": "import os; os._exit(77)",
    "aborts": "import os; os.abort()",
    "leaves in its cleaning up": "import os\ntry:\n    raise ValueError\nfinally:\n    os._exit(3)",
    "leaves in a fork": "import os\npid = os.fork()\nif pid == 0:\n    os._exit(5)\nos.waitpid(pid, 0)",
    "removes all modules of hpo": _REMOVING,
    "removes all modules": "import sys\nfor n in list(sys.modules): del sys.modules[n]",
    "clears the modules": "import sys; sys.modules.clear()",
    "removes modules and imports them": (f"{_REMOVING}\nimport hpo.settings, hpo.analysis, hpo.cli.main, hpo.errors"),
    "replaces modules of hpo": f"{_REPLACING}types.ModuleType(n)",
    "replaces modules by None": "import sys\nfor n in ('hpo.errors', 'optuna', 'numpy', 'json'): sys.modules[n] = None",
    "fakes one not yet there": "import sys, types\nsys.modules['hpo.analysis.ranking'] = types.ModuleType('x')",
    "closes stdout": "import sys; sys.stdout.close()",
    "closes all streams": "import sys; sys.stdin.close(); sys.stdout.close(); sys.stderr.close()",
    "closes the descriptors": "import os\nfor n in (0, 1, 2): os.close(n)",
    "takes the streams away": "import sys; sys.stdin = sys.stdout = sys.stderr = None",
    "puts others in place of the streams": "import sys, io; sys.stdout = sys.stderr = io.StringIO()",
    "prints without end": "print('x' * 100_000)",
    "prints bytes": "import os; os.write(1, bytes(range(256))); os.write(2, b'\\xff\\x1b[2J')",
    "ignores Ctrl-C": "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)",
    "takes all signals": "import signal\ndef f(*_): raise SystemExit(9)\nfor n in (1, 2, 15): signal.signal(n, f)",
    "leaves a thread": "import threading, time; threading.Thread(target=time.sleep, args=(300,)).start()",
    "leaves a process": "import subprocess; subprocess.Popen(['sleep', '300'])",
    "leaves a noisy thread": "import threading\ndef f(): raise SystemExit\nthreading.Thread(target=f).start()",
    "changes the folder": "import os; os.chdir('/')",
    "clears the environment": "import os; os.environ.clear()",
    "sets settings": "import os; os.environ['HPO_STORAGE'] = 'sqlite:///elsewhere.db'",
    "removes the path": "import sys; sys.path.clear()",
    "spoils the path": "import sys; sys.path.insert(0, None); sys.path.append(7)",
    "hides warnings": "import warnings; warnings.simplefilter('error')",
    "warns": "import warnings; warnings.warn('beware\\nof this')",
    "has no study": "del StudyDefinition",
    "has another study": "study = 7",
    "has a class for a study": "study = StudyDefinition",
    "has a study of a copy": f"{_REMOVING}\nfrom hpo.study import StudyDefinition",
    "has attributes that raise": "def __getattr__(name): raise RuntimeError(name)",
    "has attributes that exit": "def __getattr__(name): raise SystemExit(4)",
    "limits recursion": "import sys; sys.setrecursionlimit(60)",
    "traces": "import sys; sys.settrace(lambda *_: None)",
    "replaces the hooks": "import sys; sys.excepthook = sys.unraisablehook = None",
    "replaces builtins": "import builtins; builtins.print = None",
    "sets an alarm": "import signal; signal.setitimer(signal.ITIMER_REAL, 3600)",
    "collects no garbage": "import gc; gc.disable(); gc.freeze()",
    "uses up the descriptors": "import os\nheld = [os.dup(2) for _ in range(100)]",
    "changes the mask": "import os; os.umask(0o777)",
    "is another's": "import logging; logging.disable(); logging.shutdown()",
}
"""What it does -> what is executed before the study is made."""

_WRONG = (
    "None", "7", "'x' * 100_000", "object()", "[1, (2,)]", "{}", "float('nan')", "type", "b'x'", "'\\ud800'", "'a\\nb'"
)  # fmt: skip
FIELDS: Mapping[str, str] = {
    f"{name}={value:.20}": f"fields[{name!r}] = {value}"
    for name in (
        "name", "title", "data", "build", "metric", "direction", "spaces", "evaluation", "fidelities", "unit",
        "baselines", "source", "sweeps", "claims", "ablations", "probe_rows", "layered", "margin", "infeasible",
        "labels", "pretrain", "file",
    )
    for value in _WRONG
}  # fmt: skip
"""Which field it makes what of -> how."""

_ACTS = {
    "raises": "raise RuntimeError('one\\n\\ntwo')",
    "raises what cannot be said": "class E(Exception):\n        def __str__(self): raise RuntimeError\n    raise E",
    "interrupts": "raise KeyboardInterrupt",
    "exits": "raise SystemExit(0)",
    "is cancelled": "import asyncio; raise asyncio.CancelledError",
    "stops an iteration": "raise StopIteration",
    "leaves": "import os; os._exit(7)",
    "aborts": "import os; os.abort()",
    "gives a number": "return 7",
    "gives itself": "return type",
    "gives a text": "return 'x\\ny'",
    "recurses": "def f(): f()\n    f()",
    "runs out of memory": "bytearray(2 ** 62)",
    "removes modules": "import sys\n    for n in [n for n in sys.modules if n.startswith('hpo')]: del sys.modules[n]",
    "closes stdout": "import sys; sys.stdout.close()",
    "prints": "print('x' * 10_000)",
}
AT_CALLS: Mapping[str, str] = {
    f"{function}() {what}": f"def {function}(*given):\n    {act}\nfields[{function!r}] = {function}"
    for function in ("data", "build", "infeasible", "pretrain")
    for what, act in _ACTS.items()
}
"""Which function does what -> how."""


def text(act: str) -> str:
    """The file of a definition that does so before it is made."""
    return f"{TOY}\n{act}\n{_MADE}"
