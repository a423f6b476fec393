"""However a storage URL is written, and whatever its password is, nothing that is said of it tells the password."""

import traceback

import psycopg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from hpo import storage
from hpo.errors import HpoError
from hpo.storage.database_errors import translated
from hpo.storage.storage_url import parse

FIRST, SECOND = "S3cr", "tW0rd"  # both halves of each password: a part of it is told as little as all of it

FORMS = [
    "postgresql://ada:{}@127.0.0.1:1/studies",
    "postgresql://ada:{}@127.0.0.1:1/studies?sslmode=disable",
    "POSTGRESQL://ada:{}@127.0.0.1:1/studies",
    "postgres://ada:{}@127.0.0.1:port/studies",
    "postgresql://ada:{}@127.0.0.1:99999/studies",
    "postgresql://ada:{}@127.0.0.1:/studies",
    "postgresql://ada:{}@[::1/studies",
    "postgresql://ada:{}@h@127.0.0.1:1/studies",
    "postgresql://:{}@127.0.0.1:1/studies",
    "postgresql://ada:x@127.0.0.1:1/{}@studies",
    "postgresql:/ada:{}@127.0.0.1/studies",
    "postgresql//ada:{}@127.0.0.1/studies",
    "postgresql:ada:{}@127.0.0.1/studies",
    "postgresql:///ada:{}@127.0.0.1/studies",
    "postgresql+psycopg2://ada:{}@127.0.0.1/studies",
    "mysql://ada:{}@127.0.0.1/studies",
    "mysql+pymysql://ada:{}@127.0.0.1/studies",
    "jdbc:postgresql://127.0.0.1/studies?user=ada&password={}",
    "jdbc:postgresql://ada:{}@127.0.0.1/studies",
    "sqlite://ada:{}@127.0.0.1/studies",
    "sqlite:///studies.db?key={}",
    "://ada:{}@127.0.0.1/studies",
    "ada:{}@127.0.0.1/studies",
    "postgresql://ada@127.0.0.1:1/studies?password={}",
    "postgresql://ada@127.0.0.1:1/studies?PASSWORD={}",
    "postgresql://ada@127.0.0.1:1/studies?sslpassword={}",
    "postgresql://ada@127.0.0.1:1/studies?password={}&password={}",
    "postgresql://ada@127.0.0.1:1/studies?passwd={}",
    "postgresql://ada@127.0.0.1:1/studies?options=-c hpo.secret={}",
    "postgresql://ada@127.0.0.1:1/studies?{}",
    "postgresql://127.0.0.1:port/studies?password={}",
    "host=127.0.0.1 port=1 user=ada password={} dbname=studies",
    "host=127.0.0.1 password='{}'",
    "password={}\nhost=127.0.0.1",
    "host = 127.0.0.1 password = {}",
    "HOST=127.0.0.1;PWD={};",
    "Driver={{PostgreSQL}};Server=127.0.0.1;Uid=ada;Pwd={}",
]

passwords = st.text(st.sampled_from("@/#?:[]%&=+;,'\"\\{}()|~ $!*é§\u2028\t\n0a") | st.characters(), max_size=4).map(
    lambda between: f"{FIRST}{between}{SECOND}"
)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=30)
@given(password=passwords)
@example(password="S3cr@tW0rd")
@example(password="S3cr%40tW0rd")
@example(password="S3cr%2540tW0rd")
@example(password="S3crtW0rd")
@example(password="S3cr+  tW0rd")
def test_no_text_about_a_storage_url_reveals_its_password(form: str, password: str) -> None:
    for said in everything_said(form.format(*[password] * form.count("{}"))):
        assert FIRST not in said
        assert SECOND not in said


def everything_said(text: str) -> list[str]:
    try:
        url = parse(text)
    except HpoError as error:
        return [str(error), repr(error), "".join(traceback.format_exception_only(error))]
    said = [url.safe, repr(url)]
    whole = url.sqlalchemy.render_as_string(hide_password=False)
    for quoted in (text, url.url, whole, repr(url.sqlalchemy.password), repr(dict(url.sqlalchemy.query))):
        try:
            with translated(url):
                raise OperationalError("SELECT 1", {}, psycopg.OperationalError(f"cannot use {quoted} here"))
        except HpoError as error:
            said += [str(error), "".join(traceback.format_exception(error))]
    return said


@pytest.mark.parametrize("form", [*FORMS, "postgresql://ada:{}/studies", "postgresql://ada:{}"])
def test_errors_of_opening_a_storage_do_not_reveal_its_password(form: str) -> None:
    with pytest.raises(HpoError) as caught:
        storage.open(form.format(*[f"{FIRST}é{SECOND}"] * form.count("{}")))
    said = "".join(traceback.format_exception(caught.value)[-1:])
    assert FIRST not in said
    assert SECOND not in said
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("sign", ["@", "/", "?", "#"])
def test_an_ambiguous_unencoded_password_is_refused_with_the_encoding(sign: str) -> None:
    with pytest.raises(HpoError, match="%40 for @") as caught:
        parse(f"postgresql://ada:p{sign}s3cret@db.example/studies")
    assert str(caught.value).startswith("the storage URL 'postgresql:…' is not a storage URL: ")


@given(password=st.text(st.characters(codec="utf-8", exclude_characters="@/?#%{}")).filter(str.isprintable))
def test_an_unambiguous_password_needs_no_encoding(password: str) -> None:
    assert parse(f"postgresql://ada:{password}@db.example/studies").sqlalchemy.password == password


@pytest.mark.thorough
@given(
    password=st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    option=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
)
def test_a_parsed_storage_url_is_read_the_same_by_sqlalchemy(password: str, option: str) -> None:
    from urllib.parse import quote

    from sqlalchemy.engine import make_url

    written = f"postgresql://a%40b:{quote(password, safe='')}@[::1]:5433/my%2Fdb?password={quote(option, safe='')}"
    url = parse(written)
    assert url.sqlalchemy == make_url(url.url) == parse(url.url).sqlalchemy
    assert (url.sqlalchemy.username, url.sqlalchemy.password) == ("a@b", password)
    assert (url.sqlalchemy.host, url.sqlalchemy.database) == ("::1", "my/db")
    assert url.sqlalchemy.query == {"password": option}
    assert parse(url.safe.replace("***", "x")).sqlalchemy.host == "::1"


def test_a_password_equal_to_the_user_name_is_not_revealed_by_masking() -> None:
    assert parse("postgresql://ada:ada@h/d").hide('failed for user "ada"') == 'failed for user "ada"'
    assert parse("postgresql://ada:e@h/d").hide("connection refused") == "connection refused"
    assert parse("postgresql://ada:e@h/d").hide("password='e'") == "password='***'"
