"""What is sent at the interface for programs: every operation from everybody, and tricks.

`attacks.py` writes what came of it into docs/security.md, and the tests send it again.
"""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from attacks import Outcome, Place, row
from besieged import FOUND, HALTED
from program_tricks import TRICKS, ProgramTrick
from programs import DEFINITION
from tricks import FOREIGN

from hpo.web.api.operations import OPERATIONS
from hpo.web.security.refusals import API

Headers = dict[str, str | None]

PROGRAM: Headers = {"Origin": None, "Sec-Fetch-Site": None, "Sec-Fetch-Mode": None, "X-CSRF-Token": None}
"""A request of a program has none of what a browser says."""

HOSTILE = """<img src=x onerror="window.hit=1">'"--></script><script>window.hit=2</script>"""
"""A name for a study, of which no page may run a part."""

BODIES: dict[str, object] = {
    # name of an operation that changes something -> a body with which it does
    "submit": {"definition": DEFINITION, "trials": 2, "name": "new", "fidelity": "quick"},
    "submit_comparison": {"pairs": 6},
    "stop": {"why": "changed"},
    "resume": None,
}
_PLACES = {"{study}": FOUND, "{number}": "1", "{definition}": DEFINITION}


def routes() -> list[tuple[str, str, str]]:
    """Name, method and path of every operation, and of the document that describes them."""
    found = [(each.name, each.method, f"{API}{each.path}") for each in OPERATIONS]
    return [*found, ("openapi", "GET", f"{API}/openapi.json")]


def sample(name: str, path: str) -> tuple[str, object]:
    """A path that fits, and a body."""
    study = HALTED if name in ("resume", "trial") else FOUND
    places = {**_PLACES, "{study}": study}
    return re.sub(r"\{\w+\}", lambda place: places[place[0]], path), BODIES.get(name)


@dataclass(frozen=True, kw_only=True)
class ProgramSiege:
    """What came of one operation, for each who asked."""

    nobody: Outcome  # without a token or a login
    cookie: Outcome  # the browser of a user who may write, on a page of ours, with the session's token
    foreign: Outcome  # a page elsewhere, in that browser
    forged: Outcome  # a token that may write, for another host name
    reads: Outcome  # a token that reads
    writes: Outcome  # a token that may write


def bearer(place: Place, name: str) -> Headers:
    """The headers of a program with that token."""
    return {**PROGRAM, "Authorization": f"Bearer {place.tokens[name]}"}


def besiege(folder: Path) -> dict[tuple[str, str], ProgramSiege]:
    """Send a sample of each operation from everybody, by method and path."""
    with ExitStack() as stack:
        place = Place(folder, stack, guarded=True)
        return {(method, path): _siege(place, name, method, path) for name, method, path in routes()}


def _siege(place: Place, name: str, method: str, path: str) -> ProgramSiege:
    sent, body = sample(name, path)
    return ProgramSiege(
        nobody=place.ask("nobody", method, sent, body, PROGRAM),
        cookie=place.ask("writer", method, sent, body),
        foreign=place.ask("writer", method, sent, body, FOREIGN),
        forged=place.ask("nobody", method, sent, body, {**bearer(place, "writes"), "Host": "evil.example"}),
        reads=place.ask("nobody", method, sent, body, bearer(place, "reads")),
        writes=place.ask("nobody", method, sent, body, bearer(place, "writes")),
    )


def play(folder: Path) -> Iterator[tuple[ProgramTrick, Outcome]]:
    """Send every trick: the trick, and what came of it."""
    with ExitStack() as stack:
        place = Place(folder, stack, guarded=True)
        for trick in TRICKS:
            token = place.tokens["writes"]
            headers: Headers = {} if trick.browser else bearer(place, "writes")
            headers |= {name: None if value is None else value.replace("TOKEN", token)
                        for name, value in (trick.headers or {}).items()}  # fmt: skip
            path = f"{API}{trick.path.replace('TOKEN', token)}"
            yield trick, place.ask("writer" if trick.browser else "nobody", trick.method, path, trick.body, headers)


def route_table(sieges: dict[tuple[str, str], ProgramSiege]) -> str:
    """What came of every operation, as Markdown."""
    columns = ("nobody", "writer's cookie", "foreign Origin", "forged Host", "token that reads", "token that may write")
    lines = [row("operation", *columns), row("---", *["---:"] * len(columns))]
    for (method, path), siege in sieges.items():
        shown = (siege.nobody, siege.cookie, siege.foreign, siege.forged, siege.reads, siege.writes)
        lines.append(row(f"`{method} {path}`", *shown))
    return "\n".join(lines)


def trick_table(played: Iterable[tuple[ProgramTrick, Outcome]]) -> str:
    """What came of every trick, as Markdown."""
    lines = [row("trick", "request", "hpo dashboard"), row("---", "---", "---:")]
    return "\n".join(
        [*lines, *(row(trick.title, f"`{trick.method} {API}{trick.path}`", outcome) for trick, outcome in played)]
    )


def detail(outcome: Outcome) -> str:
    """The line of a refusal."""
    told: str = json.loads(outcome.answer.body)["detail"]
    return told
