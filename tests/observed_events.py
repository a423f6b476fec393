"""Events for the tests of observers, and a server that takes what is posted."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from hpo.observers import NewBest, ObservedStudy, StudyBegun, StudyEnded, TrialSettled

BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STUDY = ObservedStudy(
    name="it's a study/1",
    definition="toy",
    space="line",
    metrics=("accuracy", "latency"),
    directions=("maximize", "minimize"),
    rungs=("quick",),
    seed=1,
    created_at=BEGAN,
)


def settled(**changes: Any) -> TrialSettled:
    values = {
        "id": f"{STUDY.key}/0.3.1/settled",
        "at": BEGAN.replace(minute=5),
        "study": STUDY,
        "trial": 3,
        "attempt": 1,
        "rung": "quick",
        "highest": True,
        "outcome": "complete",
        "values": (0.75, 2.5),
        "params": {"rate": 0.1, "units": 8, "kind": "a", "flat": True, "decay": None},
        "curve": ((1, 0.25), (2, 0.5), (3, 0.75)),
        "seed": 7,
        "reason": None,
        "worker": "here:1",
        "started_at": BEGAN,
        "attributes": {"epochs": 3, "train": 0.8, "note": "fine"},
    }
    return TrialSettled(**{**values, **changes})


def begun() -> StudyBegun:
    return StudyBegun(id=f"{STUDY.key}/begun", at=BEGAN, study=STUDY, target=4)


def best(value: float = 0.75) -> NewBest:
    key = f"{STUDY.key}/best/0.3/1"
    return NewBest(id=key, at=BEGAN, study=STUDY, trial=3, value=value, params={"rate": 0.1}, trainings=1)


def ended(how: Any = "done", **changes: Any) -> StudyEnded:
    counts = {"target": 4, "settled": 4, "complete": 3, "pruned": 1, "failed": 0}
    return StudyEnded(
        id=f"{STUDY.key}/ended/0", at=BEGAN, study=STUDY, ended=how, **{**counts, "best": best(), **changes}
    )


class Taken:
    """What a server was sent, and what it answers next."""

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []  # of the next requests; then 204
        self.url = ""


@contextmanager
def serving() -> Iterator[Taken]:
    """A server on this machine while inside."""
    taken = Taken()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            code = taken.answers.pop(0) if taken.answers else 204
            if code < 300:
                taken.posts.append((dict(self.headers), body))
            self.send_response(code)
            if 300 <= code < 400:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as its class has it
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    taken.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield taken
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
