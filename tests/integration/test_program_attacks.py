"""The interface for programs attacked: every operation from everybody, and tricks. docs/security.md tells the same."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import program_attacks
import pytest
from attacks import Outcome
from besieged import READER, SECRET, castle
from program_attacks import HOSTILE, PROGRAM, ProgramSiege
from program_tricks import ProgramTrick
from test_dashboard_attacks import SECURITY

_UNTOLD = ("/api/v1/studies/{study}/comparison",)  # 404 where nothing was compared yet


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def sieges(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], ProgramSiege]:
    return program_attacks.besiege(tmp_path_factory.mktemp("routes"))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[ProgramTrick, Outcome]]:
    return list(program_attacks.play(tmp_path_factory.mktemp("tricks")))


def test_api_changes_are_refused_without_a_write_token(sieges: dict[tuple[str, str], ProgramSiege]) -> None:
    for (method, path), siege in sieges.items():
        refused = [(siege.nobody, 401), (siege.foreign, 403), (siege.forged, 421)]
        if method == "POST":
            refused += [(siege.cookie, 401), (siege.reads, 403)]
        for outcome, status in refused:
            assert (outcome.answer.status, outcome.changed) == (status, False), (method, path)
            assert outcome.answer.headers["content-type"] == "application/problem+json"
        assert siege.writes.changed is (method == "POST"), path  # the sample is an attack
        expected = 404 if method == "GET" and path in _UNTOLD else 200
        assert siege.writes.answer.status == expected, (path, siege.writes.answer.body)
        if method == "GET":
            assert siege.reads.answer.status == siege.cookie.answer.status == expected


def test_api_attack_tricks_change_nothing_and_reveal_no_secret(played: list[tuple[ProgramTrick, Outcome]]) -> None:
    for trick, outcome in played:
        assert not outcome.changed, trick.title
        assert outcome.answer.status in trick.ours, (trick.title, outcome.answer.body)
        assert SECRET not in outcome.answer.body
        assert b"Traceback" not in outcome.answer.body
        assert "access-control-allow-origin" not in outcome.answer.headers
        if outcome.answer.status not in (405, 431) and trick.method != "OPTIONS":
            assert program_attacks.detail(outcome), trick.title


def test_docs_security_lists_the_observed_api_attacks(
    sieges: dict[tuple[str, str], ProgramSiege], played: list[tuple[ProgramTrick, Outcome]]
) -> None:
    told = SECURITY.read_text()
    for table in (program_attacks.route_table(sieges), program_attacks.trick_table(played)):
        for row in table.splitlines():
            assert row in told, "python tests/integration/attacks.py writes it again"


def test_a_hostile_study_name_is_never_executed(tmp_path: Path) -> None:
    """A study may be called anything that can be printed; its name comes back as data, in JSON and on every page."""
    with castle(tmp_path, guarded=True) as place:
        program, reader = place.visitor(), place.visitor(READER)
        headers = {**PROGRAM, "Authorization": f"Bearer {place.tokens['writes']}"}
        body = {"definition": "fcnn", "trials": 1, "fidelity": "quick", "name": HOSTILE}
        made = program.ask("POST", "/api/v1/studies", body, headers)
        assert (made.status, json.loads(made.body)["study"]) == (200, HOSTILE)
        assert made.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in made.headers["content-security-policy"]
        overview = reader.ask("GET", "/", headers={"Accept": "text/html"})
        assert overview.status == 200
        assert b"<img src=x" not in overview.body
        assert b"&lt;img src=x" in overview.body
        for visitor in (program, reader):
            visitor.close()
