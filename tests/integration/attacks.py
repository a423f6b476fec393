"""What is sent at a dashboard to see whether it holds: every route, from everybody, and tricks.

`python tests/integration/attacks.py` writes what came of it into docs/security.md.
"""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from besieged import (
    HISTORY,
    HTML,
    OF_TRIAL,
    PNG,
    READER,
    SVG,
    TEXT,
    WRITER,
    Answer,
    Castle,
    castle,
)
from tricks import FOREIGN, OLD_BROWSER, TRICKS, Trick

FILE = {"file": "data:text/html;base64,PHNjcmlwdD4=", "filename": "page.html"}
_STUDIES, _STUDY = "/api/studies", "/api/studies/<study_id:int>"
_HEX = "<artifact_id:re:[0-9a-fA-F-]+>"

SAMPLES: dict[tuple[str, str], tuple[str, object]] = {
    # method and rule as optuna-dashboard has them -> a path that fits, and a body
    ("GET", "/"): ("/", None),
    ("GET", "/dashboard<:re:(/.*)?>"): ("/dashboard/studies/1", None),
    ("GET", "/api/meta"): ("/api/meta", None),
    ("GET", _STUDIES): (_STUDIES, None),
    ("POST", _STUDIES): (_STUDIES, {"study_name": "new", "directions": ["minimize"]}),
    ("POST", f"{_STUDY}/rename"): ("/api/studies/1/rename", {"study_name": "other"}),
    ("DELETE", _STUDY): ("/api/studies/1", None),
    ("GET", _STUDY): ("/api/studies/1", None),
    ("GET", f"{_STUDY}/param_importances"): ("/api/studies/1/param_importances", None),
    ("GET", f"{_STUDY}/plot/<plot_type>"): ("/api/studies/1/plot/timeline", None),
    ("PUT", f"{_STUDY}/note"): ("/api/studies/1/note", {"version": 1, "body": "changed"}),
    ("POST", f"{_STUDY}/preference"): (
        "/api/studies/2/preference",
        {"mode": "ChooseWorst", "candidates": [0], "clicked": 0},
    ),
    ("PUT", f"{_STUDY}/preference_feedback_component"): (
        "/api/studies/2/preference_feedback_component",
        {"output_type": "note"},
    ),
    ("DELETE", f"{_STUDY}/preference/<history_id>"): (f"/api/studies/2/preference/{HISTORY}", None),
    ("POST", f"{_STUDY}/preference/<history_id>"): (f"/api/studies/2/preference/{HISTORY}", None),
    ("POST", "/api/trials/<trial_id:int>/tell"): ("/api/trials/2/tell", {"state": "Complete", "values": [0.0]}),
    ("POST", "/api/trials/<trial_id:int>/user-attrs"): ("/api/trials/2/user-attrs", {"user_attrs": {"mood": "good"}}),
    ("POST", f"{_STUDY}/<trial_id:int>/skip"): ("/api/studies/2/2/skip", None),
    ("PUT", f"{_STUDY}/<trial_id:int>/note"): ("/api/studies/1/1/note", {"version": 1, "body": "changed"}),
    ("GET", "/csv/<study_id:int>"): ("/csv/1", None),
    ("GET", "/favicon.ico"): ("/favicon.ico", None),
    ("GET", "/static/<filename:path>"): ("/static/bundle.js.LICENSE.txt", None),
    ("GET", "/incompatible-rdb-schema"): ("/incompatible-rdb-schema", None),
    ("POST", "/incompatible-rdb-schema"): ("/incompatible-rdb-schema", None),
    ("GET", f"/artifacts/<study_id:int>/{_HEX}"): (f"/artifacts/1/{TEXT}", None),
    ("GET", f"/artifacts/<study_id:int>/<trial_id:int>/{_HEX}"): (f"/artifacts/1/2/{OF_TRIAL}", None),
    ("POST", "/api/artifacts/<study_id:int>/<trial_id:int>"): ("/api/artifacts/1/2", FILE),
    ("POST", "/api/artifacts/<study_id:int>"): ("/api/artifacts/1", FILE),
    ("DELETE", f"/api/artifacts/<study_id:int>/<trial_id:int>/{_HEX}"): (f"/api/artifacts/1/2/{OF_TRIAL}", None),
    ("DELETE", f"/api/artifacts/<study_id:int>/{_HEX}"): (f"/api/artifacts/1/{TEXT}", None),
    ("POST", "/api/llm/trial_filter_query"): ("/api/llm/trial_filter_query", {"user_query": "all"}),
    ("POST", "/api/llm/generate_plotly_graph_query"): ("/api/llm/generate_plotly_graph_query", {"user_query": "all"}),
    ("POST", "/api/llm/re_generate_plotly_graph_query"): (
        "/api/llm/re_generate_plotly_graph_query",
        {"user_query": "all"},
    ),
}


def routes() -> list[tuple[str, str]]:
    """Every route optuna-dashboard has, from its application."""
    import optuna
    from optuna_dashboard import wsgi

    return [(route.method, route.rule) for route in wsgi(optuna.storages.InMemoryStorage()).routes]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one request did."""

    answer: Answer
    changed: bool  # the database or the attached files are not as they were

    def __str__(self) -> str:
        return f"{self.answer.status}, changed" if self.changed else str(self.answer.status)


@dataclass(frozen=True, kw_only=True)
class Siege:
    """What came of one route, for each who asked."""

    bare: Outcome  # anybody, without security
    nobody: Outcome  # without a login
    reader: Outcome
    foreign: Outcome  # a page elsewhere, in the browser of a user who may write
    forged: Outcome  # that user, for another host name
    tokenless: Outcome  # a page elsewhere, in an old browser of that user
    writer: Outcome


def besiege(folder: Path, found: list[tuple[str, str]]) -> dict[tuple[str, str], Siege]:
    """Send each route's sample from everybody to both."""
    with ExitStack() as stack:
        bare = Place(folder, stack, guarded=False)
        ours = Place(folder, stack, guarded=True)
        return {(method, rule): _siege(bare, ours, method, *SAMPLES[method, rule]) for method, rule in found}


class Place:
    """A castle with its visitors, who have logged in; what an attack changed is undone before the next."""

    def __init__(self, folder: Path, stack: ExitStack, *, guarded: bool) -> None:
        self._castle = stack.enter_context(castle(folder, guarded=guarded))
        known = {"reader": READER, "writer": WRITER} if guarded else {}
        self._visitors = {name: self._castle.visitor(account) for name, account in known.items()}
        self._visitors["nobody"] = self._castle.visitor()
        for visitor in self._visitors.values():
            stack.callback(visitor.close)
        self._state = self._castle.state()
        self.tokens = self._castle.tokens

    def ask(self, who: str, method: str, path: str, body: object, headers: Any = None) -> Outcome:
        answer = self._visitors[who].ask(method, path, body, headers)
        changed = self._castle.state() != self._state
        if changed:
            self._castle.restore()
        return Outcome(answer=answer, changed=changed)


def _siege(bare: Place, ours: Place, method: str, path: str, body: object) -> Siege:
    host = {"Host": "evil.example", "Origin": "http://evil.example" if method != "GET" else None}
    return Siege(
        bare=bare.ask("nobody", method, path, body, FOREIGN),
        nobody=ours.ask("nobody", method, path, body),
        reader=ours.ask("reader", method, path, body),
        foreign=ours.ask("writer", method, path, body, FOREIGN),
        forged=ours.ask("writer", method, path, body, host),
        tokenless=ours.ask("writer", method, path, body, {**OLD_BROWSER, "Origin": None, "X-CSRF-Token": None}),
        writer=ours.ask("writer", method, path, body),
    )


def play(folder: Path) -> Iterator[tuple[Trick, Outcome, Outcome]]:
    """Send every trick to both: the trick, what the bare server did, what ours did to a user who may write."""
    with ExitStack() as stack:
        bare = Place(folder, stack, guarded=False)
        ours = Place(folder, stack, guarded=True)
        for trick in TRICKS:
            sent = (trick.method, trick.path, trick.body, trick.headers)
            yield trick, bare.ask("nobody", *sent), ours.ask("writer", *sent)


def attached(folder: Path) -> Iterator[tuple[str, Answer, Answer]]:
    """Each attached file as the bare server and as ours gives it."""
    with castle(folder, guarded=False) as bare, castle(folder, guarded=True) as ours:
        anybody, writer = bare.visitor(), ours.visitor(WRITER)
        for title, name in (("HTML", HTML), ("SVG", SVG), ("plain text", TEXT), ("PNG", PNG)):
            path = f"/artifacts/1/{name}"
            yield title, anybody.ask("GET", path), writer.ask("GET", path)
        anybody.close()
        writer.close()


def guess(place: Castle, tries: int) -> tuple[dict[int, int], Answer]:
    """So many wrong passwords for the user who may write: how often each status came; then the right one."""
    stranger = place.visitor()
    token = stranger.login_token()
    seen: dict[int, int] = {}
    for number in range(tries):
        status = stranger.try_password(WRITER[0], f"guess number {number}", token).status
        seen[status] = seen.get(status, 0) + 1
    right = stranger.try_password(*WRITER, token)
    stranger.close()
    return seen, right


def _kind(answer: Answer) -> str:
    how = ", ".join(answer.headers[n] for n in ("content-type", "content-disposition") if n in answer.headers)
    return f"{how}; `Access-Control-Allow-Origin: *`" if "access-control-allow-origin" in answer.headers else how


def row(*cells: object) -> str:
    """A line of a table."""
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def route_table(sieges: dict[tuple[str, str], Siege]) -> str:
    """What came of every route, as Markdown."""
    lines = [row("route", "bare", "no login", "reader", "foreign Origin", "forged Host", "no token", "writer")]
    lines.append(row("---", *["---:"] * 7))
    for (method, rule), siege in sieges.items():
        shown = (siege.bare, siege.nobody, siege.reader, siege.foreign, siege.forged, siege.tokenless, siege.writer)
        lines.append(row(f"`{method} {rule}`", *shown))
    return "\n".join(lines)


def trick_table(played: Iterable[tuple[Trick, Outcome, Outcome]]) -> str:
    """What came of every trick, as Markdown."""
    lines = [row("trick", "request", "bare", "hpo dashboard"), row("---", "---", "---:", "---:")]
    lines += [row(trick.title, f"`{trick.method} {trick.path}`", bare, ours) for trick, bare, ours in played]
    return "\n".join(lines)


def file_table(given: Iterable[tuple[str, Answer, Answer]]) -> str:
    """How attached files are given, as Markdown."""
    lines = [row("attached file", "bare", "hpo dashboard"), row("---", "---", "---")]
    return "\n".join([*lines, *(row(title, _kind(bare), _kind(ours)) for title, bare, ours in given)])


def tables(folder: Path, tries: int) -> str:
    """All that came of it, as Markdown."""
    import program_attacks

    with castle(folder, guarded=True) as place:
        seen, right = guess(place, tries)
    counts = ", ".join(f"{count:,} times {status}" for status, count in sorted(seen.items()))
    told = f"{tries:,} passwords tried for one user from one address: {counts}; then the right one: {right.status}."
    parts = [route_table(besiege(folder, routes())), trick_table(play(folder)), file_table(attached(folder)), told]
    parts += [program_attacks.route_table(program_attacks.besiege(folder))]
    parts += [program_attacks.trick_table(program_attacks.play(folder))]
    return "\n\n".join(parts)


def main() -> None:
    """Put the tables between their marks in docs/security.md."""
    import logging
    import re

    logging.disable(logging.CRITICAL)
    path = Path(__file__).parents[2] / "docs/security.md"
    with tempfile.TemporaryDirectory() as folder:
        made = tables(Path(folder), 10_000)
    begin, end = "<!-- tables -->", "<!-- end of tables -->"
    pattern = re.compile(f"{begin}.*{end}", re.DOTALL)
    path.write_text(pattern.sub(lambda _: f"{begin}\n{made}\n{end}", path.read_text()))


if __name__ == "__main__":
    main()
