"""`python tests/integration/chaos.py`: fleets at work while everything goes wrong; the budget must come out exact.

A round is a search that draws `--trials` configurations and climbs, with a small one beside it that does not, and some
fleets (`hpo worker`), on PostgreSQL each on a host of its own as far as it knows, two of them with clocks an hour off.
All the while workers are killed (SIGKILL, at times a whole host), stopped for longer than their lease and continued;
PostgreSQL is restarted three times, and its connections are cut. The round is good if every slot ends complete or
pruned, with exactly one result in Optuna, told as it was settled, no promotion is lost or doubled, no trial is left
RUNNING, and the small study did not wait for the large one. With `--compare` both run undisturbed first, and the round
must take at most `--at-most` times as long. With `--plain` both are of plain Optuna objectives; with `--trained` they
train small networks and leave checkpoints, of which none may be left at the end, and what went on from one must have
come to what it comes to undisturbed, to the bit. With `--pgbouncer` the fleets reach PostgreSQL through PgBouncer,
which has a handful of its sessions for all of them. Exits 1 at the first that is not good.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import climbing
import lasting
import optuna
import toy
from faults import Cuts, Fault, Kills, Restarts, Stops
from fleets import Fleet
from poolers import MISSING, PROGRAM, pooled
from servers import OwnServer, own_server

from hpo import storage
from hpo.errors import StorageError
from hpo.experiments.search_plan import Request
from hpo.experiments.search_run import submit
from hpo.search import digest, objective
from hpo.storage import Storage
from hpo.storage.slots.slots import Slots
from hpo.study import plain_objective
from hpo.study.rungs import climb
from hpo.training.runtime import configure

_HOUR = 3600.0
_GOOD_ENDS = (0, -15)  # stopped; stopped while it was still starting
_LOOK = 0.2  # seconds between looks at the study
_SESSIONS = 4  # of PostgreSQL that PgBouncer has
_TRAINED_ANEW = 5  # trials that went on from a checkpoint
_DEADLINE = 20.0  # times the time that the trials alone take, and a minute, until a round counts as stuck


def fleets_of(url: str, options: argparse.Namespace, folder: Path) -> list[Fleet]:
    """The hosts; where there is a server, and so a server's clock, two with clocks an hour fast and an hour slow."""
    share, rest = divmod(options.workers, options.hosts)
    apart = options.database == "postgresql"
    skew = dict(zip(range(1, options.hosts), (_HOUR, -_HOUR), strict=False)) if apart else {}
    common = [] if options.plain or options.trained else ["--objective", f"{toy.FILE}:naps"]
    common += ["--lease", str(options.lease), "--max-attempts", "1000000"]
    return [
        Fleet(
            url,
            *common,
            "--processes",
            str(share + (number < rest)),
            folder=folder,
            name=f"host-{number}",
            host=f"host-{number}" if apart else "",
            clock=skew.get(number, 0.0),
        )
        for number in range(options.hosts)
    ]


def submitted(url: str, study: str, options: argparse.Namespace) -> None:
    """Open the slots of both studies."""
    large: dict[str, Any] = {"definition": f"{toy.FILE}:study"}
    beside: dict[str, Any] = {**large, "fidelity": "quick"}
    if options.plain:
        large = {"definition": f"{toy.FILE}:seeded_nap"}
        beside = {"definition": f"{toy.FILE}:nap", "directions": ("maximize",)}
    if options.trained:
        large = {"definition": f"{lasting.FILE}:climbing"}
        beside = {**large, "fidelity": "quick"}
    for name, trials, what in ((study, options.trials, large), (small(study), options.beside, beside)):
        submit(Request(storage=url, name=name, trials=trials, sampler="tpe", pruner="none", seed=options.seed, **what))


def small(study: str) -> str:
    """The name of the small study beside it."""
    return f"{study}-small"


class Round:
    """One study from its first slot to its last."""

    def __init__(
        self, url: str, study: str, options: argparse.Namespace, folder: Path, *, pooled: str | None = None
    ) -> None:
        self.url = url
        self._fleets = url if pooled is None else pooled  # the URL that fleets have
        self.study = study
        self._options = options
        self._folder = folder
        subject = plain_objective.of(toy.seeded_nap, "naps") if options.plain else toy.study
        if options.trained:
            subject = lasting.climbing
        assert subject is not None
        self._hand = (lasting.climbing if options.trained else toy.study).baselines[0].params
        rungs = climb([each.name for each in subject.fidelities], options.trials, prior=True)
        self._rungs = [rung.slots for rung in rungs]
        self._slots = sum(self._rungs)

    def run(self, server: OwnServer | None, *, disturbed: bool, number: int = 0) -> tuple[float, list[str], str]:
        """Seconds it took, what is wrong at its end, and what happened on the way."""
        submitted(self.url, self.study, self._options)
        watching = storage.open(self.url)
        began = time.monotonic()
        self._beside_done: int | None = None
        fleets = fleets_of(self._fleets, self._options, self._folder)
        kills, restarts, others = self._faults(fleets, server, number) if disturbed else (None, None, [])
        everything: list[Fault | Restarts] = [fault for fault in (kills, restarts, *others) if fault is not None]
        for fault in everything:
            fault.start()
        try:
            settled = self._watch(watching, fleets, kills, restarts, began)
            seconds = time.monotonic() - began
        finally:
            for fault in everything:
                fault.call_off()
            living = [fleet for fleet in fleets if fleet.exit_code is None]  # and not killed as the last thing
            codes = [fleet.stop() for fleet in living]
            watching.close()
        wrong = [f"{type(fault).__name__} ended early: {fault.error!r}" for fault in everything if fault.error]
        if settled < self._slots or self._beside_done is None:
            wrong.append(f"stuck at {settled} settled after {seconds:.0f} s")
        elif self._beside_done > self._slots / 2:
            wrong.append(f"the small study had to wait until {self._beside_done} of the large one were settled")
        wrong += [
            f"{fleet.name} exited {code}: {fleet.said()[-300:]}"
            for fleet, code in zip(living, codes, strict=True)
            if code not in _GOOD_ENDS
        ]
        wrong += toy.unsound(self.url, self.study, trials=self._slots)
        direction = "minimize" if self._options.trained else "maximize"
        wrong += _climbed_wrongly(self.url, self.study, self._rungs, direction, digest(self._hand))
        wrong += toy.unsound(self.url, small(self.study), trials=self._options.beside)
        told = _told(kills, restarts, others)
        if self._options.trained:
            resumed, more = _resumed_wrongly(self.url, self.study, self._options.seed, self._folder / "checkpoints")
            wrong += more
            told += f", {resumed} trials went on from a checkpoint"
        return seconds, wrong, told

    def _faults(
        self, fleets: Sequence[Fleet], server: OwnServer | None, number: int
    ) -> tuple[Kills, Restarts | None, list[Fault]]:
        options = self._options
        seed = options.seed + number
        kills = Kills(fleets, options.kill_every, seed)
        others: list[Fault] = [Stops(fleets, options.kill_every, seed, seconds=1.4 * options.lease)]
        if server is None:
            return kills, None, others
        others.append(Cuts(server, 2 * options.kill_every, seed))
        at = [self._slots * quarter // 4 for quarter in (1, 2, 3)]
        return kills, Restarts(server, at, [0.0, 1.4 * options.lease, 1.0]), others

    def _watch(
        self,
        watching: Storage,
        fleets: Sequence[Fleet],
        kills: Kills | None,
        restarts: Restarts | None,
        began: float,
    ) -> int:
        """Wait until all is settled, starting again what a kill ended, as a restart policy does; how many are."""
        options = self._options
        deadline = began + 60 + _DEADLINE * self._slots * options.seconds / options.workers
        settled = 0
        while (settled < self._slots or self._beside_done is None) and time.monotonic() < deadline:
            time.sleep(_LOOK)
            try:
                now = Slots(watching).counts(self.study).settled
                if self._beside_done is None and Slots(watching).counts(small(self.study)).settled == options.beside:
                    self._beside_done = now
            except StorageError:
                continue
            if now > settled:
                settled = now
                if kills is not None:
                    kills.see_progress()
                if restarts is not None:
                    restarts.see_progress(settled)
            for fleet in fleets:
                if fleet.exit_code is not None:
                    fleet.start()
        return settled


def _climbed_wrongly(url: str, study: str, rungs: Sequence[int], direction: str, prior: str) -> list[str]:
    opened = storage.open(url)
    try:
        return climbing.unsound(opened, study, rungs, direction, prior=prior)
    finally:
        opened.close()


def _resumed_wrongly(url: str, study: str, seed: int, root: Path) -> tuple[int, list[str]]:
    """How many counted trials went on from a checkpoint, and what is wrong with some of them and with the folder."""
    configure(threads=1)  # as each worker has where there are as many of them as cores
    opened = storage.open(url)
    try:
        settled = {slot.trial_number: slot for slot in Slots(opened).list(study)}
        trials = optuna.load_study(study_name=study, storage=opened.optuna).get_trials(deepcopy=False)
    finally:
        opened.close()
    resumed = [trial for trial in trials if "resumed" in trial.user_attrs and trial.number in settled]
    again = objective(f"{lasting.FILE}:climbing", fidelity="quick", seed=seed)
    wrong = [f"checkpoints are left: {left}" for left in root.glob("*/slot-*")]
    drawn = [trial for trial in resumed if not settled[trial.number].rung]
    for trial in drawn[:_TRAINED_ANEW]:
        value = again(optuna.trial.FixedTrial(trial.params, number=settled[trial.number].position))
        if value != settled[trial.number].value:
            wrong.append(f"trial {trial.number}, gone on from a checkpoint, has {trial.value}, and undisturbed {value}")
    return len(resumed), wrong


def _told(kills: Kills | None, restarts: Restarts | None, others: Sequence[Fault]) -> str:
    if kills is None:
        return "undisturbed"
    parts = [f"{kills.struck} kills ({kills.hosts} of a whole host)"]
    parts += [f"{fault.struck} {fault.word}" for fault in others if not isinstance(fault, Cuts)]
    parts += [f"connections cut {fault.struck} times ({fault.cut})" for fault in others if isinstance(fault, Cuts)]
    if restarts is not None:
        parts.append(f"{restarts.struck} restarts of PostgreSQL")
    return ", ".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--workers", type=int, default=8, help="of all hosts together")
    parser.add_argument("--hosts", type=int, default=4, help="fleets; SQLite has one host and as many fleets on it")
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--beside", type=int, default=10, help="trials of a small study that the fleets serve, too")
    parser.add_argument("--seconds", type=float, default=2.0, help="of a trial")
    parser.add_argument("--lease", type=float, default=5.0, help="seconds")
    parser.add_argument("--kill-every", type=float, default=3.0, metavar="SECONDS")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--compare", action="store_true", help="run it undisturbed first")
    parser.add_argument("--at-most", type=float, default=2.5, metavar="TIMES", help="as long as undisturbed")
    parser.add_argument("--pgbouncer", action="store_true", help="reach PostgreSQL through PgBouncer")
    parser.add_argument("--plain", action="store_true", help="search plain Optuna objectives")
    parser.add_argument("--trained", action="store_true", help="train small networks, with checkpoints")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="empty, for the database and the logs of the fleets; kept")
    options = parser.parse_args()
    if options.pgbouncer and (options.database != "postgresql" or PROGRAM is None):
        parser.error("--pgbouncer needs --database postgresql" if PROGRAM else f"--pgbouncer: {MISSING}")
    os.environ["TOY_SECONDS"] = str(options.seconds)
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hpo-chaos-")))
        folder = folder.resolve()
        if options.trained:
            os.environ.update(HPO_CHECKPOINTS=str(folder / "checkpoints"), HPO_CHECKPOINT_SECONDS="0")
        server = stack.enter_context(own_server(folder / "postgres")) if options.database == "postgresql" else None
        url = f"sqlite:///{folder}/hpo.db" if server is None else server.create("chaos")
        pooler = (
            stack.enter_context(pooled(server.socket, sessions=_SESSIONS)) if server and options.pgbouncer else None
        )
        way = f"{options.database} through PgBouncer" if options.pgbouncer else options.database
        undisturbed = None
        for number in range(0 if options.compare else 1, options.rounds + 1):
            through = None if pooler is None else pooler.url("chaos")
            round_ = Round(url, f"chaos-{number}", options, folder, pooled=through)
            seconds, wrong, told = round_.run(server, disturbed=number > 0, number=number)
            if number == 0:
                undisturbed = seconds
            elif undisturbed is not None:
                told += f"; {seconds / undisturbed:.2f} times the undisturbed run"
                if seconds > options.at_most * undisturbed:
                    wrong.append(f"longer than {options.at_most:g} times the undisturbed run")
            print(
                f"{way}, {options.workers} workers, {options.hosts} fleets, {options.trials} trials of "
                f"{options.seconds:g} s, leases of {options.lease:g} s, round {number}: {seconds:.0f} s, {told}: "
                f"{'; '.join(wrong) or 'sound'}",
                flush=True,
            )
            if wrong:
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
