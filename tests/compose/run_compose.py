"""`make compose-test`: this project's own compose file, built and run by a real engine, and disturbed.

Four workers, a search opened by .env alone and enlarged to 30 drawn through `docker compose exec`; one worker is
killed, another stopped, PostgreSQL restarted in the middle. At the end exactly 60 slots are settled, all complete or
pruned, each with the one result Optuna has; the dashboard answers from the host through its login; `down` leaves
nothing. One line for each thing shown; exits 1 at the first that is not so, and 0 with one line where no engine is.
"""

import argparse
import json
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path

from compose_books import Books
from compose_engine import Composed, Failure, check, missing, say, until
from compose_visitor import Visitor

STUDY = "fcnn-report"
OPENED = 12  # configurations .env asks for
USER = "anna"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=30, help="configurations the search draws, in all")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--limit", type=float, default=900, help="seconds for the search to end")
    parser.add_argument("--keep", action="store_true", help="leave everything running at the end, to look at it")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a time limit takes everything down, too
    reason = missing()
    if reason is not None:
        say(f"skipped, for there is no engine with Compose here ({reason})")
        return 0
    folder = Path(tempfile.mkdtemp(prefix="hpo-compose-"))
    run = Run(folder, options)
    try:
        run.all()
    except Failure as failure:
        say(f"FAILED: {failure}")
        run.tell()
        return 1
    finally:
        if options.keep:
            say(f"left as it is: docker compose -p {run.project} --env-file {folder / '.env'} …")
        else:
            run.end()
            shutil.rmtree(folder)
    return 0


class Run:
    """One round, step by step."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self._options = options
        self._port = _free_port()
        # With what breaks a URL or a .env file, if it is not taken as it is.
        self._passwords = {name: f"a'$b#/@:%{secrets.token_urlsafe(12)}" for name in ("postgres", "dashboard")}
        self.project = f"hpo-test-{secrets.token_hex(3)}"
        self._compose = Composed(self.project, self._settings(folder))
        self._books = Books(self._compose)
        self._total = 0  # trials on all rungs, once they are opened

    def all(self) -> None:
        begun = time.monotonic()
        self._up()
        self._fleet()
        self._enlarge()
        self._share()
        self._disturb()
        self._finished()
        self._dashboard()
        self._secrets()
        say(f"all shown, in {time.monotonic() - begun:.0f} s; then down")
        if not self._options.keep:
            self._down()

    def end(self) -> None:
        """Whatever happened, nothing of it stays."""
        try:
            if self._compose.left():
                self._compose("down", "-v", "-t", "5", "--remove-orphans")
        except Failure as failure:
            say(str(failure))

    def tell(self) -> None:
        """What there is to see after a failure."""
        for words in (("ps", "-a"), ("logs", "--no-color", "--tail", "40")):
            try:
                print(self._compose(*words), flush=True)
            except Failure as failure:
                say(str(failure))

    def _settings(self, folder: Path) -> Path:
        """.env: one password as a value, the other in a file."""
        file = folder / "dashboard-password"
        file.write_text(self._passwords["dashboard"] + "\n")
        file.chmod(0o644)
        folder.chmod(0o755)  # the engine's, which may not be us
        value = self._passwords["postgres"].replace("'", "\\'")
        settings = folder / ".env"
        settings.write_text(
            f"POSTGRES_PASSWORD='{value}'\nHPO_DASHBOARD_PASSWORD_FILE={file}\nHPO_DASHBOARD_USER={USER}\n"
            f"HPO_PORT={self._port}\nHPO_STUDY=fcnn\nHPO_TRIALS={OPENED}\nHPO_LOG=json\n"
        )
        return settings

    def _up(self) -> None:
        say(f"docker compose up --build --scale worker={self._options.workers}, in project {self.project}")
        begun = time.monotonic()
        self._compose("build", "-q", "init", limit=1200)  # one image for all: the others find it built
        built = time.monotonic()
        self._compose("up", "-d", "--wait", "--scale", f"worker={self._options.workers}", limit=300)
        size = int(self._compose.docker("image", "inspect", "-f", "{{.Size}}", "hpo:cpu")) / 1e9
        for image in ("python:3.11-slim-bookworm", "postgres:17-bookworm"):
            known = self._compose.inspect(image)
            whence = (
                "pulled from a registry"
                if known["RepoDigests"]
                else "a stand-in made on this machine, not the official image"
            )
            say(f"{image} is {whence}")
        say(f"built in {built - begun:.0f} s ({size:.2f} GB), up and healthy in {time.monotonic() - built:.0f} s more")

    def _fleet(self) -> None:
        wanted = self._options.workers

        took = until(f"{wanted} workers in the roster", lambda: self._books.workers() == wanted, limit=120)
        say(f"{wanted} workers known to one another after {took:.0f} s")
        users = {self._compose.docker("exec", id_, "id", "-u").strip() for id_ in self._compose.containers("worker")}
        check(users == {"10001"}, f"workers run as {users}, not as 10001")
        drawn = self._status()["rungs"][0]["target"]
        check(drawn == OPENED, f"HPO_STUDY and HPO_TRIALS opened {drawn} slots on the first rung, not {OPENED}")
        say(f"HPO_STUDY and HPO_TRIALS alone opened a search of {OPENED}; no worker is root")

    def _enlarge(self) -> None:
        wanted = self._options.trials
        self._compose.hpo("submit", "fcnn", "--trials", str(wanted), service="worker")
        status = self._status()
        check(status["rungs"][0]["target"] == wanted, f"submitting through exec did not open {wanted} slots")
        self._total = status["target"]
        say(f"docker compose exec worker hpo submit fcnn --trials {wanted}: {self._total} slots on all rungs")

    def _share(self) -> None:
        program = "; ".join(
            (
                "import sys",
                "from hpo.training.pretrained import kept",
                "print(kept('compose', lambda: {'made by': [int(sys.argv[1])]})['made by'])",
            )
        )
        made_by = [
            self._compose.docker("exec", id_, "python", "-c", program, str(number)).strip()
            for number, id_ in enumerate(self._compose.containers("worker")[:2], start=1)
        ]
        check(made_by == ["[1]", "[1]"], f"each worker keeps pretrained networks for itself: {made_by}")
        say("what one worker pretrains is there for another")

    def _disturb(self) -> None:
        total, compose = self._total, self._compose
        killed, stopped = compose.containers("worker")[:2]

        self._settled(total // 6)
        compose.docker("kill", killed)
        say(f"worker {killed[:12]} killed at {self._status()['settled']} settled")

        self._settled(total // 3)
        begun = time.monotonic()
        compose.docker("stop", stopped)  # SIGTERM, and SIGKILL after the stop_grace_period of the compose file
        took = time.monotonic() - begun
        code = compose.inspect(stopped)["State"]["ExitCode"]
        check(code in (0, 130, 143), f"a stopped worker exits {code} after {took:.1f} s")  # 137: it had to be killed
        say(f"worker {stopped[:12]} stopped in {took:.1f} s, exit {code}, at {self._status()['settled']} settled")

        self._settled(total // 2)
        before = self._books.started_at()
        compose("restart", "postgres")
        compose("up", "-d", "--wait", "--scale", f"worker={self._options.workers}", limit=300)
        after = self._books.started_at()
        check(after > before, "postgres was not restarted")
        restarts = {id_: compose.inspect(id_)["RestartCount"] for id_ in compose.containers("worker")}
        check(len(restarts) == self._options.workers, f"{len(restarts)} workers after `up` again")
        say(f"postgres restarted in the middle; `up` again brought the fleet back to {len(restarts)}")
        check(not any(restarts.values()), f"workers died of the restart: {restarts}")

    def _finished(self) -> None:
        total = self._total
        self._settled(total)
        status = self._status()
        exact = status["settled"] == status["target"] == total
        check(exact and status["complete"] + status["pruned"] == total, f"the study ended as {_brief(status)}")
        check(status["running"] == status["open"] == 0, f"the study ended as {_brief(status)}")
        until("every result told to Optuna", lambda: self._books.untold() == 0, limit=90)
        for what, number in self._books.never().items():
            check(number == 0, f"{number} {what}")
        results = self._books.results()
        check(results == total, f"{results} results in Optuna for {total} slots")
        say(f"settled {total} of {total} ({status['complete']} complete, {status['pruned']} pruned, none failed)")
        say(f"each has the one result of Optuna's; best {status['best']['value']:.4f}")

    def _dashboard(self) -> None:
        stranger, visitor = Visitor(self._port), Visitor(self._port)
        check(stranger.get("/healthz")[0] == 200, "/healthz does not answer 200 from the host")
        for path in ("/", "/dashboard/", "/api/studies"):
            check(STUDY not in stranger.get(path)[1], f"{path} shows studies without a login")
        check(stranger.get("/healthz", Host="evil.example")[0] not in (0, 200), "a foreign Host is served")
        check(stranger.log_in(USER, "guess") == 401, "a wrong password is not refused with 401")
        check(visitor.log_in(USER, self._passwords["dashboard"]) == 200, "the right password does not log in")
        for path in ("/", "/api/studies", f"/studies/{STUDY}"):
            status, text = visitor.get(path)
            check(status == 200 and STUDY in text, f"{path} answers {status}, or without {STUDY}")
        check(visitor.get("/dashboard/")[0] == 200, "optuna-dashboard does not answer")
        say(f"the dashboard answers at 127.0.0.1:{self._port} through its login, and to nobody else")
        check(self._published() == [], f"postgres is published at {self._published()}")

    def _published(self) -> list[str]:
        postgres = self._compose.inspect(self._compose.containers("postgres")[0])
        return [port for port, bound in postgres["NetworkSettings"]["Ports"].items() if bound]

    def _secrets(self) -> None:
        logs = self._compose("logs", "--no-color")
        for name, password in self._passwords.items():
            check(password not in logs, f"the password of {name} is in the logs")
        say(f"no password in {len(logs.splitlines())} lines of log; postgres is not published")

    def _down(self) -> None:
        begun = time.monotonic()
        self._compose("down", "-v", limit=180)
        left = self._compose.left()
        check(not left, f"down -v left {left}")
        say(f"down in {time.monotonic() - begun:.0f} s; no container, volume or network is left")

    def _status(self) -> dict:
        return json.loads(self._compose.hpo("status", STUDY, "--json"))

    def _settled(self, number: int) -> None:
        """Wait for so many settled slots."""
        limit = self._options.limit
        until(f"{number} settled slots", lambda: self._books.settled() >= number, limit=limit, between=0.5)


def _brief(status: dict) -> dict:
    return {key: status[key] for key in ("target", "settled", "complete", "pruned", "failed", "running", "open")}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    sys.exit(main())
