"""`python tests/integration/rounds.py --database D`: one thing goes wrong, and the study must come out sound.

A round is a study of `--trials` slots, served by `hpo worker --drain`, which is started again where it ends without
having settled them, as a restart policy does. Once a few are settled one fault strikes (`single_faults.py`). The round
is good if every slot is settled in the end with one result in Optuna; or, where what is left cannot be worked on, the
worker ends with exit code 1 and one line. In neither case is there a traceback, or a log of more than `--lines` lines.
Exits 1 if a round was not good.
"""

import argparse
import contextlib
import os
import random
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import poison_toy
import psycopg
import toy
from asking import asked
from fleets import Fleet
from servers import OwnServer, own_server
from single_faults import Scene, SingleFault, cleared, faults_on

from hpo.experiments.search_run import submit

__all__: list[str] = []

_STUDY = "round"
_LEASE = 2.0  # seconds
_STARTS = 8  # of the fleet, after which a round counts as stuck
_STRIKE_AT = 3  # settled slots
_DEADLINE = 180.0  # seconds
_LOOK = 0.1  # seconds between looks at the study


class Round:
    """One study, and one fault."""

    def __init__(self, fault: SingleFault, folder: Path, server: OwnServer | None, options: argparse.Namespace) -> None:
        self._fault = fault
        self._options = options
        self._file = folder / "hpo.db"
        self._server = server
        self._database = f"round_{time.monotonic_ns()}"
        clock = folder / "clock"
        clock.write_text("0")
        if server is None:
            self._url = f"sqlite:///{self._file}"
        else:
            server.create(self._database)
            server.execute(f"ALTER DATABASE {self._database} OWNER TO fleet")
            self._url = server.url(self._database, user="fleet")
        self._submit()
        os.environ["POISON"] = fault.poison or ""
        objective = f"{poison_toy.FILE}:poisoned" if fault.poison else f"{toy.FILE}:naps"
        arguments = ["--drain", "--processes", "2", "--lease", f"{_LEASE:g}s", "--objective", objective]
        self._fleet = Fleet(self._url, *arguments, folder=folder, clock=clock)
        self._scene = Scene(
            fleet=self._fleet,
            lease=_LEASE,
            clock=clock,
            file=self._file,
            server=server,
            database=self._database,
            random=random.Random(options.seed),
        )

    def _submit(self) -> None:
        submit(
            asked(
                definition=f"{toy.FILE}:study",
                storage=self._url,
                name=_STUDY,
                trials=self._options.trials,
                sampler="random",
                pruner="none",
                fidelity="quick",
                prior="none",
                trial_timeout=12.0,
                seed=1,
            )
        )

    def run(self) -> tuple[str, list[str]]:
        """How it ended, and what is wrong."""
        try:
            ended, wrong = self._watch()
        finally:
            self._fleet.kill()
            self._fleet.process.wait()
            self._put_right()
        if ended == "sound":
            found = [
                toy.unsound(self._url, _STUDY, trials=self._options.trials, failed=number)
                for number in self._fault.failed
            ]
            wrong += min(found, key=len)
        elif ended not in self._fault.ends:
            wrong.append(f"it ended {ended}")
        said = self._fleet.said()
        wrong += ["a traceback"] * ("Traceback" in said)
        lines = sum(" hpo.definition " not in line for line in said.splitlines())  # not what trials print
        if lines > self._options.lines:
            often = Counter(line[24:80] for line in said.splitlines()).most_common(1)
            wrong.append(f"{lines} lines, most often {often}")
        return ended, wrong

    def _put_right(self) -> None:
        """Have the database as it was for whoever looks at what came of it."""
        if self._server is not None:
            self._server.execute(f"ALTER DATABASE {self._database} RESET ALL")
            self._server.execute(f"ALTER DATABASE {self._database} CONNECTION LIMIT -1")

    def _watch(self) -> tuple[str, list[str]]:
        deadline = time.monotonic() + _DEADLINE
        strike = threading.Thread(target=self._fault.strike, args=(self._scene,), daemon=True)
        most, starts = 0, 1
        while time.monotonic() < deadline:
            time.sleep(_LOOK)
            settled = self._settled()
            if settled is not None and settled > most:
                most = settled
                self._scene.seen.set()
            if strike.ident is None and most >= _STRIKE_AT:
                strike.start()
            code = self._fleet.exit_code
            if code is None or strike.ident is None or strike.is_alive():
                continue
            if code == 0 and self._settled() == self._options.trials:
                return "sound", []
            if code == 1 and "refused" in self._fault.ends:
                return "refused", []
            starts += 1
            if starts > _STARTS:
                break
            self._fleet.start()
        return "stuck", [f"stuck at {self._settled()} settled, {starts} starts: …{self._fleet.said()[-400:]}"]

    def _settled(self) -> int | None:
        """How many slots are settled; None where nobody can say at this moment."""
        query = "SELECT count(*) FROM hpo_slot WHERE state = 'settled'"
        with contextlib.suppress(sqlite3.Error, psycopg.Error):
            if self._server is None:
                with contextlib.closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, timeout=0.5)) as file:
                    return int(file.execute(query).fetchone()[0])
            with psycopg.connect(self._server.url(self._database), connect_timeout=2) as connection:
                connection.execute("SET statement_timeout = 1000")
                row = connection.execute(query).fetchone()
                return int(row[0]) if row else None
        return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=0.5, help="of a trial")
    parser.add_argument("--lines", type=int, default=120, help="of the log, at the most")
    parser.add_argument("--only", default="", metavar="WORDS", help="of the names of faults")
    parser.add_argument("--kind", default="", help="of faults: process, trial, file, database or clock")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="for the databases and logs; kept")
    options = parser.parse_args()
    os.environ["TOY_SECONDS"] = str(options.seconds)
    bad = 0
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hpo-rounds-")))
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        server = stack.enter_context(own_server(folder / "postgres")) if options.database == "postgresql" else None
        if server is not None:
            server.execute("CREATE ROLE fleet LOGIN")
        there = [fault for fault in faults_on(options.database) if options.kind in ("", fault.kind)]
        chosen = [fault for fault in there if options.only in fault.name]
        for number, fault in enumerate(chosen, start=1):
            own = folder / f"{number:02}"
            cleared(own)
            began = time.monotonic()
            ended, wrong = Round(fault, own, server, options).run()
            bad += bool(wrong)
            seconds = time.monotonic() - began
            print(
                f"{options.database} {number:2} of {len(chosen)}, {fault.kind}: {fault.name}: {seconds:.0f} s, "
                f"{'; '.join(wrong) or ended}",
                flush=True,
            )
        print(f"{options.database}: {len(chosen) - bad} of {len(chosen)} rounds as they should be", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
