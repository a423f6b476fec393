import re

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from hpo.web.addresses import StudyName, anchor, segment

AWKWARD = [
    "",
    ".",
    "..",
    "...",
    "a/b",
    "a/report",
    "../../etc",
    "~",
    "~2F",
    "a~",
    "%2F",
    "a b",
    "é",
    "\ud800",
    "a\\b",
    "?#",
]


@pytest.fixture(scope="module")
def app() -> Flask:
    app = Flask("addresses")
    app.url_map.converters["study"] = StudyName
    app.add_url_rule("/studies/<study:name>/report", "report", lambda name: anchor(name))
    app.add_url_rule("/studies/<study:name>", "study", lambda name: repr(name))
    return app


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_study_names_survive_a_url(app: Flask, name: str) -> None:
    came_through(app, name)


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=20))
def test_any_study_name_survives_a_url(app: Flask, name: str) -> None:
    came_through(app, name)


@given(st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", fullmatch=True))
def test_an_ordinary_name_is_not_escaped_in_a_url(name: str) -> None:
    assert segment(name) == name


def test_a_typed_url_is_decoded_to_the_study_name(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/studies/a%20b").text == repr("a b")
    assert client.get("/studies/é").text == repr("é")


def test_an_undecodable_name_is_404(app: Flask) -> None:
    assert app.test_client().get("/studies/~FF").status_code == 404


def came_through(app: Flask, name: str) -> None:
    written = segment(name)
    assert re.fullmatch(r"[A-Za-z0-9_.~-]+", written)
    assert written not in (".", "..")
    client = app.test_client()
    with app.test_request_context():
        assert app.url_for("study", name=name) == f"/studies/{written}"
    assert client.get(f"/studies/{written}").text == repr(name)
    assert client.get(f"/studies/{written}/report").text == anchor(name)
