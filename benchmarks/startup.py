"""How long it takes to start: `hpo --help` and workers, each beside what it is compared with.

`hpo --help` beside a bare Typer program, and workers that are forks of one process beside those that are a Python of
their own.

    python -m benchmarks.startup [--pairs 15] [--rounds 3] [--only workers] [--json]

Each program runs in a fresh interpreter, one right after the other, so a busy machine slows all of them; their order
alternates, and what is told is the median of ratios. The bare program has two commands and is measured twice: as Typer
makes it, with Rich's help, and with the plain help hpo has. Workers serve a study of fcnn, which asks for Keras; a
round starts 1, 2 and 4 of them either way, by turns, and kills one of them, which is started again.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from hpo import storage as storages
from hpo.experiments.search_plan import Request, plan
from hpo.experiments.search_run import open_study
from hpo.fleet.protocol import WorkOrder
from hpo.fleet.resources import share
from hpo.fleet.run_limits import Limits
from hpo.fleet.supervisor.forkserver import ForkServer
from hpo.fleet.supervisor.supervisor import on_machine
from hpo.fleet.supervisor.worker_process import WorkerProcess, environment

BARE = """\
import typer

app = typer.Typer(PLAIN)


@app.command()
def one(name: str = "one") -> None:
    "The first command."


@app.command()
def two(name: str = "two") -> None:
    "The second command."


app()
"""

Commands = dict[str, list[str]]


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def measure(commands: Commands, pairs: int) -> dict[str, float]:
    """Median seconds of each command, and the median ratio of the first one's to each other's."""
    ours, *others = commands
    times: dict[str, list[float]] = {name: [] for name in commands}
    for command in commands.values():  # the first run of each reads its files from the disk
        seconds(command)
    for pair in range(pairs):
        for name in sorted(commands, reverse=bool(pair % 2)):
            times[name].append(seconds(commands[name]))
    result = {f"{name}_seconds": statistics.median(times[name]) for name in commands}
    for other in others:
        ratios = (mine / theirs for mine, theirs in zip(times[ours], times[other], strict=True))
        result[f"ratio_{other}"] = statistics.median(ratios)
    return result


def helps(folder: Path) -> Commands:
    commands = {"hpo": [sys.executable, "-m", "hpo", "--help"]}
    for name, option in (("bare", ""), ("plain", "rich_markup_mode=None")):
        file = folder / f"{name}.py"
        file.write_text(BARE.replace("PLAIN", option))
        commands[name] = [sys.executable, str(file), "--help"]
    return commands


def order_for(folder: Path, workers: int, trials: int) -> WorkOrder:
    """Of each of so many workers, for a study of so many trials."""
    url = f"sqlite:///{folder / f'{workers}.db'}"
    opened = storages.prepare(url)
    limits = Limits(workers=workers)
    asked = {"definition": "fcnn", "fidelity": "quick", "sampler": "random", "pruner": "none"}
    request = Request(**asked, storage=url, trials=trials, limits=limits)
    with closing(plan(request)) as planned:
        record, _ = open_study(planned)
    opened.close()
    order = WorkOrder(storage=url, study=record.name, limits=limits)
    return on_machine(order, workers=workers, gpus=False)


def await_all(children: list[WorkerProcess], what: Callable[[WorkerProcess], object]) -> None:
    """Hear the workers until it is true of each."""
    deadline = time.monotonic() + 300
    while not all(what(child) for child in children):
        for child in children:
            child.read_events()
            child.read_output()
            assert child.exit_code is None, child.describe_death()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def memory(pids: list[int]) -> dict[str, float]:
    """Megabytes of these processes together: resident, and with pages that several of them share counted once."""
    found = {"rss": 0.0, "pss": 0.0}
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name = line.split(":")[0].lower()
            if name in found:
                found[name] += int(line.split()[1]) / 1024
    return found


def started(folder: Path, workers: int, *, forked: bool) -> dict[str, float]:
    """Seconds from nothing to so many workers that have each claimed a slot, and those of one that is killed then."""
    order = order_for(folder, workers, trials=200)
    env = environment(share(workers))
    began = time.perf_counter()
    forks = ForkServer(env, keras=True) if forked else None
    while forks is not None and not forks.ready:
        time.sleep(0.005)
    children = [WorkerProcess(order, env, forks=forks) for _ in range(workers)]
    await_all(children, lambda child: child.has_worked)
    result = {"claimed": time.perf_counter() - began}
    await_all(children, lambda child: child.busy_since is None or child.beaten > child.busy_since)  # it trains
    server = [] if forks is None or forks.pid is None else [forks.pid]
    result |= memory([child.pid for child in children] + server)
    killed = children.pop()
    killed.kill()
    killed.close()
    began = time.perf_counter()
    children.append(WorkerProcess(order, env, forks=forks))
    await_all(children[-1:], lambda child: child.has_worked)
    result["again"] = time.perf_counter() - began
    for child in children:
        child.kill()
        child.close()
    if forks is not None:
        forks.close()
    return result


def starts(rounds: int) -> dict[str, float]:
    """The medians of so many rounds: name_workers_way."""
    found: dict[str, list[float]] = {}
    for turn in range(rounds):
        for workers in (1, 2, 4):
            for forked in (turn % 2 == 0, turn % 2 == 1):
                with tempfile.TemporaryDirectory() as folder:
                    for name, value in started(Path(folder), workers, forked=forked).items():
                        found.setdefault(f"{name}_{workers}_{'forks' if forked else 'fresh'}", []).append(value)
    return {name: statistics.median(values) for name, values in found.items()}


def tell_starts(result: dict[str, float], rounds: int) -> None:
    print(f"{'':<38}{'forks':>9}{'fresh':>9}")
    for workers in (1, 2, 4):
        for name, words in (("claimed", "from nothing to claimed"), ("again", "one killed, to claimed")):
            values = (result[f"{name}_{workers}_{way}"] for way in ("forks", "fresh"))
            print(f"{f'{workers} workers, {words}':<38}" + "".join(f"{value:7.2f} s" for value in values))
    for name, words in (("rss", "resident"), ("pss", "shared pages counted once")):
        values = (result[f"{name}_4_{way}"] for way in ("forks", "fresh"))
        print(f"{f'4 workers, {words}':<38}" + "".join(f"{value:6.0f} MB" for value in values))
    print(f"medians of {rounds} rounds; with forks, memory is that of what they are forks of, too")


def main() -> None:
    parser = argparse.ArgumentParser(description="what starting hpo --help and workers takes")
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=3, help="of starting workers")
    parser.add_argument("--only", choices=["commands", "workers"])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result: dict[str, float] = {}
    if options.only != "workers":
        with tempfile.TemporaryDirectory() as folder:
            result |= measure(helps(Path(folder)), options.pairs)
    if options.only != "commands":
        result |= starts(options.rounds)
    if options.json:
        print(json.dumps({"pairs": options.pairs, "rounds": options.rounds, **result}))
        return
    if options.only != "workers":
        tell_commands(result, options.pairs)
    if options.only != "commands":
        tell_starts(result, options.rounds)


def tell_commands(result: dict[str, float], pairs: int) -> None:
    print(f"{'hpo --help':<24}{result['hpo_seconds'] * 1000:6.0f} ms")
    for name, words in (("bare", "bare Typer program"), ("plain", "the same, plain help")):
        print(f"{words:<24}{result[f'{name}_seconds'] * 1000:6.0f} ms, ratio {result[f'ratio_{name}']:.2f}")
    print(f"medians of {pairs} rounds; the limit of the first ratio is 2.5")


if __name__ == "__main__":
    main()
