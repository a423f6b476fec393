"""`python tests/fuzz/fuzz.py`: wrong inputs, definitions that misbehave, records with wrong fields; all must be told.

Whatever is asked, a command must end in time with 0, 1, 2 or 130; where that is not 0, with one line on stderr and no
traceback, nothing "unexpected", no password; and it must leave nothing half-written. `--short`: a part of it, for
`make test`; `--parts`: some of its parts; `--only WORD`: what has WORD in its name; `--processes N`: so many of the
commands again, each as a process of its own. Exits 1 where something was not as it must be.
"""

import argparse
import collections
import importlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import definitions
import fields
import inputs
from forks import Outcome, forked
from inputs import SECRET, Case

_CODES = (0, 1, 2, 130)
_LONGEST = 3000  # characters of a line that is still one to read
_LIMIT = 40.0  # seconds a command may take
_NEEDED = (  # what commands import when they are first needed
    "hpo.cli.app",
    "hpo.report",
    "hpo.experiments.compare",
    "hpo.experiments.doctor",
    "hpo.experiments.trial_export",
    "hpo.experiments.findings.gathering",
    "hpo.experiments.search_run",
    "hpo.experiments.sweep",
    "hpo.fleet.supervisor.fleet_run",
    "hpo.experiments.train_configuration",
    "hpo.storage.queries.status",
    "hpo.search",
    "hpo.web.server",
    "hpo.web.application",
    "hpo.study.configurations",
    "optuna",
    "scipy.stats",
)


def _examined(outcome: Outcome) -> bool:
    """Whether that is what hpo doctor found: a line a check, of which one says what is wrong."""
    return outcome.code == 1 and "\nfail " in outcome.out and "tensorflow" in outcome.out


def complaints(outcome: Outcome, folder: Path, before: set[str]) -> Iterator[str]:
    """What must not be, by kind."""
    told = outcome.out + outcome.err
    if outcome.hung:
        yield "hang"
    elif outcome.code not in _CODES:
        yield f"exit code {outcome.code}"
    if "Traceback" in told or "most recent call last" in told:
        yield "traceback"
    if "hpo: unexpected " in told:
        yield "unexpected"
    if SECRET in told:
        yield "secret shown"
    lines = outcome.err.strip("\n").splitlines()
    if outcome.code in (1, 2) and not outcome.hung:
        if (not lines or not lines[-1].startswith("hpo: ")) and not _examined(outcome):
            yield "no line"
        elif lines and len(lines[-1]) > _LONGEST:
            yield "a line without end"
    yield from _left(outcome, folder, before)


def _left(outcome: Outcome, folder: Path, before: set[str]) -> Iterator[str]:
    known = {"hpo.db", "hpo.db-wal", "hpo.db-shm", "__pycache__", *before}
    more = {path.name for path in folder.iterdir()} - known
    if any(".part" in name for name in more) or (more and outcome.code != 0):
        yield f"left behind: {', '.join(sorted(more))!r}"
    database = folder / "hpo.db"
    if database.exists():
        try:
            with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
                sound = connection.execute("PRAGMA integrity_check").fetchone()[0]
                empty = connection.execute(
                    "SELECT count(*) FROM studies WHERE study_id NOT IN (SELECT study_id FROM hpo_slot)"
                ).fetchone()[0]
        except sqlite3.Error as error:
            yield f"database: {error}"
        else:
            if sound != "ok":
                yield "database damaged"
            if empty:
                yield "a study without slots"


class Round:
    """Runs and counts."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder = folder
        self.options = options
        self.things = inputs.things(folder)
        self.counts: collections.Counter[str] = collections.Counter()
        self.faults: list[str] = []
        self.slowest: list[tuple[float, str]] = []
        self._number = 0
        self._prepared = folder / "prepared"
        self._prepared.mkdir()
        (self._prepared / "toy.py").write_text(definitions.text(""))
        (self._prepared / "work.toml").write_text(definitions.PROGRAM)
        # Where workers look for TensorFlow first: none shall train, so none need wait for it.
        (folder / "without").mkdir()
        (folder / "without" / "tensorflow.py").write_text("raise ImportError('left out')\n")

    def ready(self) -> None:
        """Import what commands need, and open a study for them to look at."""
        sys.argv = ["hpo"]
        sys.path.insert(0, str(self.folder / "without"))
        os.environ["PYTHONPATH"] = str(self.folder / "without")
        for name in _NEEDED:
            importlib.import_module(name)
        opened = self.command(["submit", "./toy.py:study", "--fidelity", "quick", "--trials", "3"], self._prepared)
        assert opened.code == 0, opened
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        made = optuna.create_study(storage=f"sqlite:///{self._prepared / 'theirs.db'}", study_name="theirs")
        made.add_trial(optuna.create_trial(value=1.0))

    def command(self, words: list[str], folder: Path, **options: object) -> Outcome:
        """One command in a fork."""
        from hpo.cli import main

        return forked(lambda: main(words), folder=folder, limit=_LIMIT, **options)  # type: ignore[arg-type]

    def place(self, files: dict[str, str] | None = None) -> tuple[Path, set[str]]:
        """A folder for one command, and what is in it."""
        self._number += 1
        made = self.folder / str(self._number)
        shutil.copytree(self._prepared, made, ignore=shutil.ignore_patterns("__pycache__"))
        for name, text in (files or {}).items():
            (made / name).write_bytes(text.encode(errors="surrogatepass"))
        return made, {path.name for path in made.iterdir()}

    def judge(self, kind: str, name: str, outcome: Outcome, folder: Path, before: set[str]) -> None:
        """Count it, and keep what was not as it must be."""
        found = list(complaints(outcome, folder, before))
        self.counts[kind] += 1
        self.counts[f"exit {outcome.code}"] += 1
        self.slowest = sorted([*self.slowest, (outcome.seconds, name)], reverse=True)[:5]
        for complaint in found:
            last = outcome.err.strip().splitlines()[-1:] or [""]
            self.fault(complaint.partition(":")[0], f"{complaint}: {name}\n      {last[0]:.300}")
        shutil.rmtree(folder, ignore_errors=True)

    def fault(self, kind: str, told: str) -> None:
        """Something is not as it must be."""
        self.counts[f"FAULT {kind}"] += 1
        self.faults.append(told)
        print(f"FAULT {told}", flush=True)

    def wanted(self, names: list[str], least: int) -> list[str]:
        """Those asked for; in short, some of them, others each time."""
        found = [name for name in names if self.options.only in name]
        return random.sample(found, min(least, len(found))) if self.options.short else found

    def lines(self) -> None:
        """Command lines."""
        every = {str(case): case for case in inputs.cases(self.things)}
        for name in self.wanted(list(every), 20):
            self._line(name, every[name])

    def _line(self, name: str, case: Case) -> None:
        folder, before = self.place()
        words = list(case.arguments)
        outcome = self.command(words, folder, environment=case.environment, interrupt=case.serves)
        self.judge("command lines", name, outcome, folder, before)

    def processes(self, number: int) -> None:
        """Some of them as processes, whose start and end count too."""
        every = list(inputs.cases(self.things))
        for case in random.sample(every, min(number, len(every))):
            if case.serves:
                continue
            folder, before = self.place()
            self.judge("processes", str(case), _process(case.arguments, folder, dict(case.environment)), folder, before)
        threads = definitions.text(definitions.AT_IMPORT["leaves a thread"])
        folder, before = self.place({"misbehaving.py": threads})
        outcome = _process(("show", "./misbehaving.py:study"), folder, {})
        self.judge("processes", "leaves a thread", outcome, folder, before)

    def imports(self) -> None:
        """Definitions that misbehave when they are imported, and what comes after them in the same process."""
        every = {**definitions.AT_IMPORT, **definitions.FIELDS}
        for name in self.wanted(list(every), 5):
            self._import(name, definitions.text(every[name]))

    def _import(self, name: str, text: str) -> None:
        from hpo.cli import main

        for words in (["show"], ["submit", "--trials", "2", "--name", "another"]):
            folder, before = self.place({"misbehaving.py": text})
            command = [words[0], "./misbehaving.py:study", *words[1:]]
            outcome = forked(lambda command=command: main(command), folder=folder, limit=_LIMIT)  # type: ignore[misc]
            self.judge("definitions", f"{name}: {words[0]}", outcome, folder, before)
        folder, before = self.place({"misbehaving.py": text})

        def after() -> int:
            main(["show", "./misbehaving.py:study"])
            return main(["status"]) or main(["show", "./toy.py:study"]) or main(["importance", inputs.STUDY])

        outcome = forked(after, folder=folder, limit=_LIMIT)
        if outcome.code != 0 and name not in definitions.MAY:
            self.fault("harmed", f"harmed what came after: {name}\n      {outcome.err[-300:]}")
        self.judge("commands after definitions", f"{name}: after", outcome, folder, before)

    def calls(self) -> None:
        """Definitions that misbehave when they are called, by training them; needs TensorFlow."""
        self._with_tensorflow()
        for name in self.wanted(list(definitions.AT_CALLS), 0):
            folder, before = self.place({"misbehaving.py": definitions.text(definitions.AT_CALLS[name])})
            outcome = self.command(["train", "./misbehaving.py:study", "--config", "by-hand", "-o", "m.keras"], folder)
            self.judge("definitions", f"{name}: train", outcome, folder, before)

    def _with_tensorflow(self) -> None:
        without = str(self.folder / "without")
        if without in sys.path:
            sys.path.remove(without)
            del os.environ["PYTHONPATH"]
        from hpo.training.runtime import load_keras

        load_keras()  # and no more: a fork cannot use threads that TensorFlow has started here

    def fields(self, *, heavy: bool = False) -> None:
        """Records with a field that is not what it should be; `heavy`: those that need TensorFlow too."""
        if heavy:
            self._with_tensorflow()
        for kind in fields.records(heavy=heavy):
            for case in fields.faulty(kind):
                if self.options.only in str(case):
                    self.counts["fields"] += 1
                    if complaint := fields.tried(case):
                        self.fault("field", complaint)


def _process(words: tuple[str, ...], folder: Path, environment: dict[str, str]) -> Outcome:
    command = [str(Path(sys.executable).with_name("hpo")), *words]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HPO_")}
    began = time.monotonic()
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**kept, **environment},
            capture_output=True,
            timeout=_LIMIT,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return Outcome(code=-9, out="", err="", seconds=_LIMIT, hung=True)
    out, err = (told.decode(errors="replace") for told in (done.stdout, done.stderr))
    return Outcome(code=done.returncode, out=out, err=err, seconds=time.monotonic() - began, hung=False)


def main() -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="a part of it, and nothing that needs TensorFlow")
    parser.add_argument("--parts", nargs="*", metavar="PART", help="lines, imports, fields, processes, calls, heavy")
    parser.add_argument("--only", default="", metavar="WORD", help="what has WORD in its name")
    parser.add_argument("--processes", type=int, default=30, metavar="N", help="run as processes, too")
    parser.add_argument("--seed", type=int, default=None, metavar="S", help="of what is drawn in short")
    options = parser.parse_args()
    seed = random.randrange(10**6) if options.seed is None else options.seed
    random.seed(seed)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hpo-fuzz-") as name:
        run = Round(Path(name), options)
        parts: dict[str, Callable[[], None]] = {"lines": run.lines, "imports": run.imports, "fields": run.fields}
        if not options.short:
            parts |= {"processes": lambda: run.processes(options.processes), "calls": run.calls}
            parts["heavy"] = lambda: run.fields(heavy=True)
        run.ready()
        for part in options.parts or parts:
            parts[part]()
    for what, count in sorted(run.counts.items()):
        print(f"{count:6,} {what}")
    print(f"slowest: {'; '.join(f'{seconds:.1f} s {name}' for seconds, name in run.slowest)}")
    print(f"{len(run.faults)} faults in {time.monotonic() - began:.0f} s (seed {seed})")
    return 1 if run.faults else 0


if __name__ == "__main__":
    sys.exit(main())
