"""Each observer beside a real search, told where its destination is away, slow or full: no trial is any the worse.

What keeps its files in a folder has a folder that cannot be made, and one on a disk that is full; what asks a server
has one that refuses, one nobody knows, one that never answers, one that answers a byte a second, and one that has no
room. TensorBoard asks no server.
"""

import contextlib
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager as Context
from pathlib import Path

import pytest
from command import Hpo
from faulty_servers import away, full, slow

from hpo.observers.hosting import DEADLINE

OBJECTIVE = """
def objective(trial):
    trial.suggest_float("x", 0.0, 1.0)
    return 0.25 * trial.number
"""
SEARCH = ("optimize", "tune.py:objective", "--direction", "maximize", "--workers", 1, "--trials", 3)
KEY = "0123456789" * 4  # as one of W&B looks


@contextlib.contextmanager
def unknown(folder: Path) -> Iterator[str]:
    yield "http://nosuch.invalid:80"


@contextlib.contextmanager
def no_folder(folder: Path) -> Iterator[str]:
    """A folder that nobody can make, as a file is in its way."""
    (folder / "file").touch()
    yield str(folder / "file" / "kept")


@contextlib.contextmanager
def full_disk(folder: Path) -> Iterator[str]:
    """A folder on a disk of its own without a byte left."""
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "full", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a disk to be full is mounted by root alone")
    try:
        with contextlib.suppress(OSError), (disk / "others").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        yield str(disk)
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def faulty(fault: str, folder: Path) -> Context[str]:
    """The destination in such trouble, while inside: a URL, or a folder."""
    return {
        "refuses": away,
        "is unknown": lambda: unknown(folder),
        "is silent": lambda: slow(b"", every=1.0),
        "drips": lambda: slow(b"X", every=1.0),
        "has no room": full,
        "no folder": lambda: no_folder(folder),
        "full disk": lambda: full_disk(folder),
    }[fault]()


def asked(observer: str, where: str) -> tuple[str, dict[str, str]]:
    """What `--observe` is given, and what the environment has to say."""
    served = where.startswith("http")
    if observer == "wandb":
        online = {"WANDB_MODE": "online", "WANDB_BASE_URL": where, "WANDB_API_KEY": KEY}
        return "wandb:ink", online if served else {"WANDB_DIR": where}
    target = {
        "webhook": f"{where}/secret",
        "apprise": where.replace("http", "json"),
        "mlflow": where if served else f"sqlite:///{where}/runs.db",
        "tensorboard": where,
    }[observer]
    return f"{observer}:{target}", {}


LATE = "(failed in trial_settled: .*deadline exceeded|has not come back from trial_settled for 15 s)"
"""W&B counts ten seconds from when it is ready, which on a busy machine may be late."""

SERVERS = {
    # fault: what each observer says of it
    "refuses": {
        "webhook": "failed in study_begun: it cannot be reached: .*Connection refused",
        "apprise": "failed in study_ended: the message could not be delivered: A Connection error",
        "mlflow": "failed in study_begun: .*Connection refused",
        "wandb": "failed in trial_settled: .*connection refused",
    },
    "is unknown": {
        "webhook": "failed in study_begun: it cannot be reached: .*",
        "apprise": "failed in study_ended: the message could not be delivered: A Connection error .* nosuch.invalid",
        "mlflow": "failed in study_begun: .*Failed to resolve 'nosuch.invalid'",
        "wandb": "failed in trial_settled: .*nosuch.invalid",
    },
    "is silent": {
        "webhook": "failed in study_begun: it did not answer within 10 s",
        "apprise": "failed in study_ended: the message could not be delivered: A Connection error",
        "mlflow": "failed in study_begun: .*Read timed out",
        "wandb": LATE,
    },
    "drips": {
        "webhook": "failed in study_begun: it did not answer within 10 s",
        "apprise": "has not come back from study_ended for 15 s",
        "mlflow": "has not come back from study_begun for 15 s",
        "wandb": LATE,
    },
    "has no room": {
        "webhook": "failed in study_begun: it answered 507",
        "apprise": "failed in study_ended: the message could not be delivered: .*507",
        "mlflow": "failed in study_begun: .*507",
        "wandb": "failed in trial_settled: .*HTTP 507",
    },
}
FOLDERS = {
    "no folder": {
        "tensorboard": "failed in trial_settled: NotADirectoryError: .*Not a directory",
        "mlflow": "failed in study_begun: NotADirectoryError: .*Not a directory",
        "wandb": "failed in trial_settled: NotADirectoryError: .*Not a directory",
    },
    "full disk": {
        "tensorboard": "failed in trial_settled: OSError: .*No space left on device",
        "mlflow": "failed in study_begun: OSError: .*No space left on device",
        "wandb": "failed in trial_settled: .*No space left on device",
    },
}


def cases() -> Iterator[object]:
    """Each fault with the observers that are soon told of it, and with those that take long to be imported or to wait.

    The observers of one case are told of one search: each is told by a process of its own.
    """
    for fault, told in {**SERVERS, **FOLDERS}.items():
        quick = [] if fault in ("is unknown", "is silent", "drips") else ["webhook", "apprise", "tensorboard"]
        for some, marks in (
            ([one for one in told if one in quick], pytest.mark.thorough),
            ([one for one in told if one not in quick], pytest.mark.slow),
        ):
            if some:
                yield pytest.param(
                    fault, {one: told[one] for one in some}, marks=marks, id=f"{fault}: {' '.join(some)}"
                )


@pytest.mark.parametrize(("fault", "told"), list(cases()))
def test_a_failing_observer_destination_harms_no_trial_and_is_reported_once(
    hpo: Hpo, folder: Path, fault: str, told: dict[str, str]
) -> None:
    (folder / "tune.py").write_text(OBJECTIVE)
    with faulty(fault, folder) as where:
        orders = {observer: asked(observer, where) for observer in told}
        environment = {name: value for _, its in orders.values() for name, value in its.items()}
        observe = [f"--observe={text}" for text, _ in orders.values()]
        # A run that is held up any longer at its end is ended here, which fails.
        done = hpo(*SEARCH, *observe, "--json", timeout=DEADLINE + 60.0, **environment)
    assert done.code == 0, done.err
    with sqlite3.connect(folder / "hpo.db") as opened:
        rows = opened.execute("SELECT outcome, value, attempt FROM hpo_slot ORDER BY position").fetchall()
    assert rows == [("complete", 0.0, 1), ("complete", 0.25, 1), ("complete", 0.5, 1)]
    notes = [line.removeprefix("hpo: note: ") for line in done.err.splitlines() if line.startswith("hpo: note: ")]
    assert len(notes) == len(told), done.err
    for observer, why in told.items():
        (note,) = (line for line in notes if line.startswith(f"observer {observer}:"))
        assert re.fullmatch(f"observer {observer}:\\S+ {why}.*", note), note
        assert "secret" not in note
        assert KEY not in note
