"""Tokens of programs in real databases: what is kept of them, and budgets that hold exactly."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from programs import Programs
from sqlalchemy import select, update

from hpo.errors import UsageError
from hpo.storage import Storage, program_tokens, schema, studies
from hpo.storage.slots.slots import Slots

_AT_ONCE = 6


@pytest.fixture(autouse=True)
def _none_left(store: Storage):
    yield
    for token in program_tokens.list_all(store):
        program_tokens.revoke(store, token.name)


def make(store: Storage, name: str = "night", **options) -> str:
    given = {"scope": "write", "budget": 10, "seconds": 60.0, **options}
    return program_tokens.create(store, name, **given)


def open_trials(store: Storage) -> int:
    return sum(Slots(store).counts(record.name).open for record in studies.list_all(store))


def test_a_token_is_verified_whole_and_stored_as_a_hash(store: Storage) -> None:
    text = make(store)
    found = program_tokens.find(store, text)
    assert found is not None
    assert (found.name, found.scope, found.budget, found.spent, found.left) == ("night", "write", 10, 0, 10)
    secret = text.split("_", 2)[2]
    with store.read() as connection:
        kept = connection.execute(select(schema.tokens)).one()
    assert secret not in str(kept)
    other = secret[:-1] + ("A" if secret[-1] != "A" else "B")
    for wrong in (
        text[:-1],
        f"hpo_{kept.id}_{other}",
        f"hpo_{kept.id + 1}_{secret}",
        f"hpo_0{kept.id}_{secret}",
        "",
        "é",
    ):
        assert program_tokens.find(store, wrong) is None


def test_a_token_ends_on_expiry_and_on_revocation(store: Storage) -> None:
    text = make(store)
    with store.write() as connection:
        connection.execute(update(schema.tokens).values(expires_at=time.time() - 1))
    assert program_tokens.find(store, text) is None
    assert [token.expired for token in program_tokens.list_all(store)] == [True]
    again = make(store, "day")
    program_tokens.revoke(store, "day")
    assert program_tokens.find(store, again) is None
    with pytest.raises(UsageError, match="there is no token 'day'; there is: night"):
        program_tokens.revoke(store, "day")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"name": "two words"}, "is no name of a token"),
        ({"scope": "admin"}, "there is no scope 'admin'; there are: read, write"),
        ({"budget": -1}, "a budget is from 0 to 1,000,000 trials, not -1"),
        ({"scope": "read"}, "a token that reads opens no trials"),
    ],
)
def test_an_invalid_token_request_is_refused(store: Storage, options: dict[str, object], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        make(store, **options)
    assert program_tokens.list_all(store) == []


def test_two_tokens_of_one_name_are_refused(store: Storage) -> None:
    make(store)
    with pytest.raises(UsageError, match="there is a token 'night' already"):
        make(store)


def test_concurrent_requests_open_exactly_the_budget(store: Storage) -> None:
    programs = Programs(storage=store)
    token = programs.token("crowd", budget=10)
    gate = threading.Barrier(_AT_ONCE)

    def submit(number: int) -> int:
        gate.wait()
        return programs.submit(token, 3, f"crowd-{number}").status_code

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        codes = sorted(threads.map(submit, range(_AT_ONCE)))
    assert codes == [200, 200, 200, 403, 403, 403]
    assert open_trials(store) == 9
    assert len(studies.list_all(store)) == 3  # nothing is left of what was refused
    [kept] = program_tokens.list_all(store)
    assert (kept.spent, kept.left) == (9, 1)
    assert programs.submit(token, 1, "last").status_code == 200
    assert programs.submit(token, 2, "last").status_code == 403


def test_concurrent_requests_for_one_study_use_the_budget_once(store: Storage) -> None:
    programs = Programs(storage=store)
    token = programs.token("crowd", budget=10)
    gate = threading.Barrier(_AT_ONCE)

    def submit(_: int) -> tuple[int, int]:
        gate.wait()
        answer = programs.submit(token, 7, "one")
        return answer.status_code, answer.json["added"]

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        answers = sorted(threads.map(submit, range(_AT_ONCE)))
    assert answers == [(200, 0)] * (_AT_ONCE - 1) + [(200, 7)]
    assert [token.spent for token in program_tokens.list_all(store)] == [7]


def test_no_more_trials_are_open_than_the_server_allows(store: Storage) -> None:
    programs = Programs(storage=store, most_open=5)
    token = programs.token("crowd", budget=100)
    assert programs.submit(token, 4, "first").status_code == 200
    refused = programs.submit(token, 2, "second")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert "4 trials are open already and 2 more would be beyond 5" in refused.json["detail"]
    assert studies.lookup(store, "second") is None
    assert [token.spent for token in program_tokens.list_all(store)] == [4]
    slot = Slots(store).claim("first", "me", 60)
    assert slot is not None
    assert Slots(store).settle(slot, "failed", reason="as an example")
    assert programs.submit(token, 2, "second").status_code == 200
