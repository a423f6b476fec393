"""A dashboard attacked: every route of optuna-dashboard from everybody, and tricks. docs/security.md tells the same."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import attacks
import pytest
from attacks import SAMPLES, Outcome, Siege
from besieged import HTML, READER, SECRET, WRITER, Answer, Castle, castle
from tricks import FOREIGN, Trick

from hpo.web.optuna_dashboard.rules import RULES
from hpo.web.security import users
from hpo.web.security.rate_limit import TRIES

SECURITY = Path(__file__).parents[2] / "docs/security.md"
_HARMLESS = ("/incompatible-rdb-schema", "/api/llm/")  # change nothing even without security, as things are here


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)  # the bare server logs a traceback for much of what it is sent
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Castle]:
    with castle(tmp_path_factory.mktemp("place"), guarded=True) as made:
        yield made


@pytest.fixture(scope="module")
def sieges(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Siege]:
    return attacks.besiege(tmp_path_factory.mktemp("routes"), attacks.routes())


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Trick, Outcome, Outcome]]:
    return list(attacks.play(tmp_path_factory.mktemp("tricks")))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Answer, Answer]]:
    return list(attacks.attached(tmp_path_factory.mktemp("files")))


def test_every_dashboard_route_has_a_rule_and_a_sample() -> None:
    assert set(attacks.routes()) == set(RULES) == set(SAMPLES)


def test_changes_open_to_anybody_on_a_bare_dashboard_need_a_writer_here(
    sieges: dict[tuple[str, str], Siege],
) -> None:
    for (method, rule), siege in sieges.items():
        refused = [(siege.nobody, 401), (siege.foreign, 403), (siege.forged, 421)]
        if method != "GET":
            refused += [(siege.reader, 403), (siege.tokenless, 403)]
            assert siege.bare.changed is not rule.startswith(_HARMLESS), rule  # the sample is an attack
        for outcome, status in refused:
            assert (outcome.answer.status, outcome.changed) == (status, False), (method, rule)


def test_routes_that_break_the_budget_are_refused_even_to_writers(
    sieges: dict[tuple[str, str], Siege],
) -> None:
    for (method, rule), siege in sieges.items():
        who = RULES[method, rule].who
        if method == "GET":
            assert siege.reader.answer.status == siege.writer.answer.status < 400, rule
            assert siege.reader.answer.status == siege.tokenless.answer.status
        assert siege.writer.changed is (who == "writers"), rule
        if who == "nobody":
            assert siege.writer.answer.status == 403
            assert RULES[method, rule].instead in siege.writer.answer.body.decode()


def test_attack_tricks_change_nothing_and_reveal_no_secret(played: list[tuple[Trick, Outcome, Outcome]]) -> None:
    for trick, _, ours in played:
        assert not ours.changed, trick.title
        assert ours.answer.status in trick.ours, trick.title
        assert SECRET not in ours.answer.body
    assert sum(bare.changed for _, bare, _ in played) >= 5  # they are tricks, not nonsense


def test_attached_files_are_never_served_as_pages(files: list[tuple[str, Answer, Answer]]) -> None:
    for title, bare, ours in files:
        assert ours.status == 200
        assert ours.body == bare.body
        picture = title == "PNG"
        assert ours.headers["content-type"] == ("image/png" if picture else "application/octet-stream")
        assert ("content-disposition" in ours.headers) is not picture
        assert "access-control-allow-origin" not in ours.headers
        assert "sandbox" in ours.headers["content-security-policy"]
        assert ours.headers["x-content-type-options"] == "nosniff"


def test_an_attached_html_page_is_served_as_a_download(tmp_path: Path) -> None:
    with castle(tmp_path, guarded=True) as own:
        wanda = own.visitor(WRITER)
        made = wanda.ask("POST", "/api/artifacts/1", attacks.FILE)
        assert made.status == 201
        name = made.body.decode().split('"artifact_id": "')[1].split('"')[0]
        assert wanda.ask("GET", f"/artifacts/1/{name}").headers["content-type"] == "application/octet-stream"
        wanda.close()


def test_docs_security_lists_the_observed_dashboard_attacks(
    sieges: dict[tuple[str, str], Siege],
    played: list[tuple[Trick, Outcome, Outcome]],
    files: list[tuple[str, Answer, Answer]],
) -> None:
    told = SECURITY.read_text()
    for table in (attacks.route_table(sieges), attacks.trick_table(played), attacks.file_table(files)):
        for row in table.splitlines():
            assert row in told, "python tests/integration/attacks.py writes it again"


@pytest.mark.parametrize("tries", [100, pytest.param(10_000, marks=pytest.mark.slow)])
def test_password_guessing_is_rate_limited(tmp_path: Path, tries: int) -> None:
    with castle(tmp_path, guarded=True) as own:
        inside = own.visitor(WRITER)
        seen, right = attacks.guess(own, tries)
        assert seen.get(303, 0) == 0
        assert 0 < seen[401] < 2 * TRIES + tries / 100  # what time gives back
        assert seen[401] + seen[429] == tries
        assert right.status == 429
        assert int(right.headers["retry-after"]) > 0
        assert inside.ask("GET", "/api/studies").status == 200  # whoever is in stays in
        inside.close()


def test_a_forged_client_address_does_not_reset_the_rate_limit(tmp_path: Path) -> None:
    with castle(tmp_path, guarded=True) as own:
        stranger = own.visitor()
        for number in range(TRIES + 2):
            last = stranger.log_in(READER[0], "not her password", **{"X-Forwarded-For": f"10.0.0.{number}"})
        assert last.status == 429
        stranger.close()


def test_a_session_ends_on_logout_password_change_and_removal(tmp_path: Path) -> None:
    with castle(tmp_path, guarded=True) as own:
        rita, again, wanda = own.visitor(READER), own.visitor(READER), own.visitor(WRITER)
        held = dict(rita.cookies)
        assert rita.ask("POST", "/logout", b"", {"X-CSRF-Token": None}).status == 403  # nobody logs others out
        assert rita.ask("POST", "/logout", b"").status == 303
        rita.cookies = held  # whatever the browser still sends
        assert rita.ask("GET", "/api/studies").status == 401
        assert again.ask("GET", "/api/studies").status == 200
        users.add(own.folder / "users.json", READER[0], "another one of hers", may_write=False)
        assert again.ask("GET", "/api/studies").status == 401
        users.add(own.folder / "users.json", "third", "somebody else's words", may_write=False)
        assert wanda.ask("GET", "/api/studies").status == 200
        users.remove(own.folder / "users.json", WRITER[0])
        assert wanda.ask("GET", "/api/studies").status == 401
        for visitor in (rita, again, wanda):
            visitor.close()


def test_a_session_fixed_before_login_is_not_accepted(place: Castle) -> None:
    stranger = place.visitor()
    stranger.cookies[f"hpo_session_{place.port}"] = fixed = "chosen-by-somebody-else"
    assert stranger.ask("GET", "/api/studies").status == 401
    stranger.log_in(*READER)
    assert stranger.cookies[f"hpo_session_{place.port}"] != fixed
    assert stranger.ask("GET", "/api/studies").status == 200
    stranger.close()


def test_a_cross_site_login_is_refused(place: Castle) -> None:
    stranger = place.visitor()
    assert stranger.log_in(*READER, **FOREIGN).status == 403
    assert stranger.try_password(*READER, "a token it cannot know").status == 403
    assert stranger.ask("GET", "/api/studies").status == 401
    stranger.close()


def test_unknown_and_known_users_get_the_same_answer_to_a_wrong_password(place: Castle) -> None:
    stranger = place.visitor()
    known = stranger.log_in(READER[0], "not her password")
    unknown = stranger.log_in("xxxx", "not her password")
    assert known.status == unknown.status == 401
    texts = [a.body.decode().split("<body>")[1].replace(n, "NAME") for a, n in ((known, READER[0]), (unknown, "xxxx"))]
    texts = [re.sub(r'csrf_token" value="[^"]+', "", text) for text in texts]  # which tells the second it was made in
    assert texts[0] == texts[1]
    stranger.close()


def test_only_the_dashboards_shell_page_carries_the_csrf_token(place: Castle) -> None:
    wanda = place.visitor(WRITER)
    shell = wanda.ask("GET", "/dashboard/studies/1", headers={"If-None-Match": "*", "Range": "bytes=0-10"})
    assert shell.status == 200
    secret = wanda.token.partition(".")[0]  # what comes behind it tells the second when it was signed
    assert f'data-token="{secret}.' in shell.body.decode()
    assert "etag" not in shell.headers
    policies = shell.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policies  # the last of two
    assert secret not in wanda.ask("GET", "/api/studies/1").body.decode()
    assert wanda.ask("HEAD", "/dashboard").status == 200
    assert wanda.ask("HEAD", f"/artifacts/1/{HTML}").headers["content-type"] == "application/octet-stream"
    wanda.close()
