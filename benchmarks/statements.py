"""How many SQL statements a trial costs on PostgreSQL, and which.

    python -m benchmarks.statements [--trials 40] [--reports 10] [--sampler tpe] [--pruner median] [--all]

A worker serves two searches of an objective that is over at once, one with ten trials and one with `--trials` more; the
difference is what those cost. The server is this program's own and logs every statement it is sent: those that begin
and end transactions are counted, too. What goes by time (signs of life) is hardly among them, as no trial lasts.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import optuna
import psycopg

from benchmarks.scale import server
from hpo import storage as storages
from hpo.experiments.search_plan import Request
from hpo.experiments.search_run import submit

FEW = 10  # trials of the search whose cost is taken off

REPORTS = "BENCHMARK_REPORTS"  # of a trial

_LINE = re.compile(r"^hpo .*?(?:statement|execute [^:]*): (.*)$")


def objective(trial: optuna.Trial) -> float:
    """Five parameters and as many reports as the environment says."""
    value = sum(trial.suggest_float(f"x{number}", 0.0, 1.0) for number in range(5))
    for step in range(1, int(os.environ[REPORTS]) + 1):
        trial.report(value / step, step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return value


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--reports", type=int, default=10, help="of a trial")
    parser.add_argument("--sampler", default="tpe")
    parser.add_argument("--pruner", default="median")
    parser.add_argument("--all", action="store_true", help="print every kind of statement")
    wanted = parser.parse_args()
    with server() as url:
        storages.prepare(url).close()
        few = statements(url, "few", FEW, wanted)
        many = statements(url, "many", FEW + wanted.trials, wanted)
    each = Counter({kind: (many[kind] - few[kind]) / wanted.trials for kind in many})
    print(f"{sum(each.values()):.1f} statements a trial of {wanted.reports} reports, {wanted.sampler}, {wanted.pruner}")
    for kind, number in each.most_common(None if wanted.all else 20):
        print(f"{number:>7.2f}  {kind}")


def statements(url: str, name: str, trials: int, wanted: argparse.Namespace) -> Counter[str]:
    """What the server was asked while a worker served a search, by kind of statement."""
    definition = f"{Path(__file__).resolve()}:objective"
    asked = {"sampler": wanted.sampler, "pruner": wanted.pruner, "directions": ("minimize",)}
    submit(Request(definition=definition, storage=url, name=name, trials=trials, seed=1, **asked))
    log = logged(url)
    begin = log.stat().st_size
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "hpo", "worker", "--storage", url, "--drain", "--processes", "1", "--cpu"]
        env = {**os.environ, REPORTS: str(wanted.reports)}
        subprocess.run(command, check=True, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with log.open(errors="replace") as lines:
        lines.seek(begin)
        whole = lines.read().replace("\n\t", " ").splitlines()  # a statement may have several lines
        found = (_LINE.match(line) for line in whole)
        return Counter(kind(line[1]) for line in found if line is not None)


def logged(url: str) -> Path:
    """The server's log, to which every statement is written from now on."""
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET log_line_prefix = '%a '")
        connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        connection.execute("SELECT pg_reload_conf()")
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    return Path(row[0]) / "log"


def kind(statement: str) -> str:
    """The statement in short: what it does, and to which table."""
    words = " ".join(statement.split())
    table = re.search(r"(?:FROM|INTO|UPDATE) +(\w+)", words)
    return f"{words.split(' ', 1)[0].rstrip(';') or 'ping'}{f' {table[1]}' if table else ''}"


if __name__ == "__main__":
    main()
