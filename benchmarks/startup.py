"""How long `hpo --help` takes beside a bare Typer program, and a worker's import of Keras beside the plain one.

    python -m benchmarks.startup [--pairs 15] [--json]

Each program runs in a fresh interpreter, one right after the other, so a busy machine slows all of them; their order
alternates, and what is told is the median of ratios. The bare program has two commands and is measured twice: as Typer
makes it, with Rich's help, and with the plain help hpo has.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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


def loads() -> Commands:
    ours = "from hpo.training.loading import load_keras; load_keras()"
    return {"worker": [sys.executable, "-c", ours], "keras": [sys.executable, "-c", "import keras"]}


def main() -> None:
    parser = argparse.ArgumentParser(description="hpo --help beside a bare Typer program, Keras beside plain Keras")
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(helps(Path(folder)), options.pairs) | measure(loads(), options.pairs)
    if options.json:
        print(json.dumps({"pairs": options.pairs, **result}))
        return
    print(f"{'hpo --help':<24}{result['hpo_seconds'] * 1000:6.0f} ms")
    for name, words in (("bare", "bare Typer program"), ("plain", "the same, plain help")):
        print(f"{words:<24}{result[f'{name}_seconds'] * 1000:6.0f} ms, ratio {result[f'ratio_{name}']:.2f}")
    print(f"{'Keras in a worker':<24}{result['worker_seconds'] * 1000:6.0f} ms")
    print(f"{'import keras':<24}{result['keras_seconds'] * 1000:6.0f} ms, ratio {result['ratio_keras']:.2f}")
    print(f"medians of {options.pairs} rounds; the limit of the first ratio is 2.5")


if __name__ == "__main__":
    main()
