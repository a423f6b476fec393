"""Trainings killed at random moments, and what writing their checkpoints costs.

    python -m benchmarks.checkpoints --definitions fcnn,dnn,cnn --kills 20,15,15

Of each definition the hand-picked configuration is trained at its fullest fidelity, as a trial of a search trains it,
on one thread, in processes of their own: once undisturbed without checkpoints, once undisturbed with as many as 2 % of
the time allow (the usual pace also waits 30 s between two), and once with one written at each moment there is, killed
(SIGKILL) so many times at random moments and begun again each time. Told are whether all weights at the end are those
of the undisturbed run to the bit, how many epochs were trained twice, the bytes of a checkpoint, and the share of the
time that writing took. Exits 1 where a weight differs, or more epochs were trained twice than there were kills, or
writing took more than 2 % of the time.
"""

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from hpo.training.checkpoints import SHARE, Checkpoints, Pace


def train(name: str, folder: Path | None, pace: Pace, log: Path, begun: Path) -> dict[str, Any]:
    """In this process: one trial of a definition's hand-picked configuration. Each epoch it trains is a line in `log`.

    Args:
        name: of the definition.
        folder: of the checkpoints; None: none are kept.
        pace: of the checkpoints.
        log: file of the epochs, added to.
        begun: file made as the first step is about to be trained.

    """
    import optuna

    from hpo.search import objective
    from hpo.study import registry
    from hpo.training import configure
    from hpo.training.run import Run

    configure(threads=1)
    definition = registry.load(name)
    checkpoints = None if folder is None else Checkpoints(folder, pace=pace)
    digest = hashlib.sha256()

    def trained(trial: object, work: Any) -> None:  # noqa: ARG001 - as the objective calls it
        for run in work._runs:
            for weight in run.model().get_weights():
                digest.update(weight.tobytes())

    usual = Run._trained

    def logged(run: Run, beat: Any) -> Any:
        begun.touch()
        epoch = usual(run, beat)
        with log.open("a") as file:
            file.write(f"{epoch.number}\n")
        return epoch

    Run._trained = logged  # type: ignore[method-assign]
    judged = objective(
        definition,
        fidelity=definition.fidelities[-1].name,
        seed=1,
        beat=lambda: None,
        on_trained=trained,
        checkpoints=lambda about: checkpoints,  # noqa: ARG005
    )
    judged.prepare()
    start = time.perf_counter()
    value = judged(optuna.trial.FixedTrial(dict(definition.baseline().params)))
    return {
        "value": value,
        "weights": digest.hexdigest(),
        "seconds": time.perf_counter() - start,
        "written": checkpoints.written if checkpoints else 0,
        "writing": checkpoints.seconds if checkpoints else 0.0,
        "bytes": sum(file.stat().st_size for file in folder.iterdir()) if folder and folder.is_dir() else 0,
    }


class Process:
    """`train` in a process of its own."""

    def __init__(self, name: str, folder: Path | None, pace: Pace, log: Path, begun: Path | None = None) -> None:
        given: dict[str, Any] = {"name": name, "folder": str(folder or ""), "every": pace.every, "share": pace.share}
        given |= {"log": str(log), "begun": str(begun or log.with_suffix(".begun"))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.checkpoints", "--train", json.dumps(given)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )

    def killed(self, seconds: float, *, after: Path | None) -> bool:
        """Kill it so many seconds after a file is there, or its start; False where it has ended before."""
        while after is not None and not after.exists() and self._process.poll() is None:
            time.sleep(0.01)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            return True
        return False

    def told(self) -> dict[str, Any]:
        """What it came to."""
        out, _ = self._process.communicate()
        found: dict[str, Any] = json.loads(out.splitlines()[-1])
        return found


def compare(name: str, kills: int, seed: int, folder: Path) -> list[str]:
    """What is wrong with one definition's runs; each is told as it ends."""

    def lines(log: Path) -> int:
        return len(log.read_text().splitlines()) if log.exists() else 0

    logs = [folder / f"{name}-{which}.log" for which in ("plain", "usual", "killed")]
    plain = Process(name, None, Pace(), logs[0]).told()
    epochs = lines(logs[0])
    print(f"{name}: {epochs} epochs in {plain['seconds']:.1f} s, value {plain['value']:.6g}", flush=True)
    usual = Process(name, folder / f"{name}-usual", Pace(every=0), logs[1]).told()
    share = usual["writing"] / usual["seconds"]
    print(
        f"  at most {SHARE:.0%}: {usual['written']} files in {usual['writing'] * 1000:.1f} ms, "
        f"{share:.3%} of {usual['seconds']:.1f} s",
        flush=True,
    )
    always, chance, done, again = Pace(every=0, share=1), random.Random(seed), 0, folder / f"{name}-killed"
    last: dict[str, Any] = {}
    while not last:
        begun = folder / f"{name}-begun"
        begun.unlink(missing_ok=True)
        process = Process(name, again, always, logs[2], begun)
        # One in five dies while it starts, the others once they train: half of the way is made by those killed.
        early = chance.random() < 0.2
        if done < kills and process.killed(chance.uniform(0, plain["seconds"] / kills), after=None if early else begun):
            done += 1
        else:
            last = process.told()
    twice = lines(logs[2]) - epochs
    equal = last["weights"] == plain["weights"] == usual["weights"]
    print(
        f"  {done} kills: weights {'equal to the bit' if equal else 'DIFFER'}, {twice} epochs trained twice, "
        f"checkpoints of {last['bytes']:,} bytes, {last['writing'] / max(last['written'], 1) * 1000:.1f} ms each",
        flush=True,
    )
    wrong = [] if equal else [f"{name}: the weights differ"]
    wrong += [f"{name}: {twice} epochs trained twice, {done} kills"] * (twice > done)
    wrong += [f"{name}: only {done} kills came before the end"] * (done < kills)
    return wrong + [f"{name}: writing took {share:.2%}"] * (share > SHARE)


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--definitions", default="fcnn,dnn,cnn", help="names, with commas between")
    parser.add_argument("--kills", default="20,15,15", help="of each of them")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--train", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        given = json.loads(options.train)
        pace = Pace(every=given["every"], share=given["share"])
        folder = Path(given["folder"]) if given["folder"] else None
        print(json.dumps(train(given["name"], folder, pace, Path(given["log"]), Path(given["begun"]))))
        return 0
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, kills in zip(options.definitions.split(","), options.kills.split(","), strict=True):
            wrong += compare(name, int(kills), options.seed, Path(folder))
    print("\n".join(wrong) or "all is as it should be")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
