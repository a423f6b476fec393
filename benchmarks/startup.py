"""How long `hpo --help` takes beside a bare Typer program with two commands, as the median of ratios.

    python -m benchmarks.startup [--pairs 15] [--json]

Each program runs in a fresh interpreter, one right after the other, so a busy machine slows all of them; their order
alternates. The bare program is measured twice: as Typer makes it, with Rich's help, and with the plain help hpo has.
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


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def measure(pairs: int) -> dict[str, float]:
    times: dict[str, list[float]] = {"bare": [], "plain": [], "hpo": []}
    with tempfile.TemporaryDirectory() as folder:
        commands = {"hpo": [sys.executable, "-m", "hpo", "--help"]}
        for name, option in (("bare", ""), ("plain", "rich_markup_mode=None")):
            file = Path(folder) / f"{name}.py"
            file.write_text(BARE.replace("PLAIN", option))
            commands[name] = [sys.executable, str(file), "--help"]
        for command in commands.values():  # the first run of each reads its files from the disk
            seconds(command)
        for pair in range(pairs):
            for name in sorted(commands, reverse=bool(pair % 2)):
                times[name].append(seconds(commands[name]))
    result: dict[str, float] = {"pairs": pairs, "hpo_seconds": statistics.median(times["hpo"])}
    for name in ("bare", "plain"):
        result[f"{name}_seconds"] = statistics.median(times[name])
        result[f"ratio_{name}"] = statistics.median(
            ours / other for ours, other in zip(times["hpo"], times[name], strict=True)
        )
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description="hpo --help beside a bare Typer program")
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(options.pairs)
    if options.json:
        print(json.dumps(result))
        return
    print(f"{'hpo --help':<24}{result['hpo_seconds'] * 1000:6.0f} ms")
    for name, words in (("bare", "bare Typer program"), ("plain", "the same, plain help")):
        print(f"{words:<24}{result[f'{name}_seconds'] * 1000:6.0f} ms, ratio {result[f'ratio_{name}']:.2f}")
    print(f"medians of {options.pairs} rounds; the limit of the first ratio is 2.5")


if __name__ == "__main__":
    main()
