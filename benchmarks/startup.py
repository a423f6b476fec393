"""How long `hpo --help` takes beside a bare Typer program, in pairs, as a ratio of medians.

    python benchmarks/startup.py [--pairs 15] [--json]

Both run in a fresh interpreter; each pair runs one right after the other, so a busy machine slows both. Their order
alternates.
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

app = typer.Typer()


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


def measure(pairs: int) -> dict[str, float | int]:
    with tempfile.TemporaryDirectory() as folder:
        bare_file = Path(folder) / "bare.py"
        bare_file.write_text(BARE)
        bare = [sys.executable, str(bare_file), "--help"]
        ours = [sys.executable, "-m", "hpo", "--help"]
        for command in (bare, ours):  # the first run of each reads its files from the disk
            seconds(command)
        times = {"bare": [], "hpo": []}
        for pair in range(pairs):
            order = [("bare", bare), ("hpo", ours)]
            for name, command in order if pair % 2 else reversed(order):
                times[name].append(seconds(command))
    ratios = [ours / bare for ours, bare in zip(times["hpo"], times["bare"], strict=True)]
    return {
        "pairs": pairs,
        "bare_seconds": statistics.median(times["bare"]),
        "hpo_seconds": statistics.median(times["hpo"]),
        "ratio": statistics.median(ratios),
        "ratio_worst": max(ratios),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="hpo --help beside a bare Typer program")
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(options.pairs)
    if options.json:
        print(json.dumps(result))
        return
    print(f"bare Typer program  {result['bare_seconds'] * 1000:6.0f} ms")
    print(f"hpo --help          {result['hpo_seconds'] * 1000:6.0f} ms")
    print(f"ratio               {result['ratio']:6.2f}   (median of {result['pairs']} pairs; limit 2.5)")


if __name__ == "__main__":
    main()
