"""Tables made by one of many, once; those of another program, of a newer hpo or of an unreleased one are refused."""

import multiprocessing
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from later import know_a_later_version
from sqlalchemy import inspect, text

from hpo import storage
from hpo.errors import StorageError
from hpo.storage import schema, studies
from hpo.storage.engine import connect
from hpo.storage.schema import REVISIONS
from hpo.storage.slots.slots import Slots
from hpo.storage.storage_url import parse
from hpo.storage.studies import StudyPlan, StudyRecord
from hpo.storage.upgrades import Upgrade


@pytest.fixture
def made(storage_url: str, plan: StudyPlan) -> tuple[str, StudyRecord]:
    """URL of a database, and the study in it, with a slot that is settled and one that is not."""
    opened = storage.prepare(storage_url)
    record = studies.create_or_resume(opened, plan)
    slots = Slots(opened)
    slots.open(plan.name, 2)
    held = slots.claim(plan.name, "w1", 60)
    assert held is not None
    assert slots.settle(held, "complete", 0.5, params={"x": 0.25})
    opened.close()
    return storage_url, record


def differences(url: str) -> list[object]:
    """What the tables there are have other than those the program works with; Optuna's are not ours to judge."""
    options = {
        "version_table": REVISIONS,
        "include_name": lambda name, kind, _: kind != "table" or name.startswith("hpo_"),
        "compare_type": True,
    }
    engine = connect(parse(url), create=False)
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection, opts=options), schema.metadata)
    engine.dispose()
    return found


def test_a_database_made_today_has_the_tables_the_program_works_with(storage_url: str) -> None:
    assert storage.upgrade(storage_url) == Upgrade(before=None, after=schema.VERSION, needed=schema.VERSION)
    assert storage.examine(storage_url) == Upgrade(before=schema.VERSION, after=schema.VERSION, needed=schema.VERSION)
    assert differences(storage_url) == []


def test_upgrading_again_changes_nothing(made: tuple[str, StudyRecord]) -> None:
    url, record = made
    before = snapshot(url)
    assert storage.upgrade(url) == Upgrade(before=schema.VERSION, after=schema.VERSION, needed=schema.VERSION)
    assert snapshot(url) == before
    opened = storage.open(url)
    assert studies.list_all(opened) == [record]
    assert [(s.outcome, s.value) for s in Slots(opened).list(record.name)] == [("complete", 0.5), (None, None)]
    opened.close()


# A version that is still to come


@pytest.fixture
def old(made: tuple[str, StudyRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, StudyRecord]:
    """The same database, with an hpo that knows one version more."""
    know_a_later_version(monkeypatch, tmp_path / "migrations")
    return made


def whole(url: str, record: StudyRecord) -> None:
    """What the tables held is there, in those of the later version."""
    assert storage.examine(url) == Upgrade(before=2, after=2, needed=2)
    assert {"weight"} <= set(snapshot(url)["hpo_slot"][0])  # type: ignore[index]
    assert snapshot(url)["hpo_later"] == (["id"], 0)
    opened = storage.open(url)
    assert studies.list_all(opened) == [record]
    assert [(s.outcome, s.value) for s in Slots(opened).list(record.name)] == [("complete", 0.5), (None, None)]
    opened.close()


def test_an_upgrade_completes_the_tables_and_keeps_their_rows(old: tuple[str, StudyRecord]) -> None:
    url, record = old
    assert storage.upgrade(url) == Upgrade(before=1, after=2, needed=2)
    whole(url, record)


@pytest.mark.parametrize("action", [storage.prepare, storage.open, storage.find])
def test_opening_upgrades_a_file_and_leaves_a_server_to_db_upgrade(old: tuple[str, StudyRecord], action) -> None:
    url, record = old
    if parse(url).path is not None:
        opened = action(url)
        assert studies.list_all(opened) == [record]
        opened.close()
        whole(url, record)
        return
    with pytest.raises(StorageError, match=r"tables of version 1, .* needs 2: .*hpo db upgrade"):
        action(url)
    assert storage.examine(url).before == 1


def test_examining_a_database_does_not_upgrade_it(old: tuple[str, StudyRecord]) -> None:
    url, _ = old
    before = snapshot(url)
    assert storage.examine(url) == Upgrade(before=1, after=1, needed=2)
    assert snapshot(url) == before


def test_an_upgrade_that_breaks_off_changes_nothing(
    old: tuple[str, StudyRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic.operations import Operations

    url, record = old
    before = {name: table for name, table in snapshot(url).items() if name != "bytes"}

    def breaks(self: Operations, *_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Operations, "add_column", breaks)  # after the table
        with pytest.raises(KeyboardInterrupt):
            storage.upgrade(url)
    assert {name: table for name, table in snapshot(url).items() if name != "bytes"} == before
    storage.upgrade(url)
    whole(url, record)


def _upgrade(url: str, gate: "multiprocessing.Barrier", results: "multiprocessing.Queue[object]") -> None:
    try:
        storage.examine(url)  # all that must be imported is, and the server is known
        gate.wait(60)
        results.put(storage.upgrade(url).before)
    except BaseException as error:
        results.put(repr(error))
        raise


@pytest.mark.parametrize("fixture", ["storage_url", "old"])
def test_one_of_several_concurrent_processes_upgrades(
    fixture: str, request: pytest.FixtureRequest, storage_url: str
) -> None:
    request.getfixturevalue(fixture)
    context = multiprocessing.get_context("fork")
    gate, results = context.Barrier(5), context.Queue()
    several = [context.Process(target=_upgrade, args=(storage_url, gate, results)) for _ in range(5)]
    for process in several:
        process.start()
    found = sorted((results.get(timeout=60) for _ in several), key=lambda before: (before is not None, before))
    for process in several:
        process.join(60)
    assert found == [1 if fixture == "old" else None, *[schema.VERSION] * 4]


# What is not ours to touch


def snapshot(url: str) -> dict[str, object]:
    """Every table with its columns and how many rows it has; of a file, its bytes."""
    where = parse(url)
    engine = connect(where, create=False)
    with engine.connect() as connection:
        inspector = inspect(connection)
        tables: dict[str, object] = {
            name: (
                [column["name"] for column in inspector.get_columns(name)],
                connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one(),
            )
            for name in inspector.get_table_names()
        }
    engine.dispose()
    if where.path is not None:
        tables["bytes"] = where.path.read_bytes()
    return tables


FOREIGN = {
    "its own tables": ["CREATE TABLE users (id int)"],
    "an Alembic of its own": ["CREATE TABLE alembic_version (version_num text)"],
    "a table named as our version": ["CREATE TABLE hpo_version (major int, minor int)"],
    "tables named as ours": ["CREATE TABLE hpo_slot (id int)", "INSERT INTO hpo_slot VALUES (1)"],
    "a revision that is not told": ["CREATE TABLE hpo_revision (version_num text)"],
    "a revision of no number": [
        "CREATE TABLE hpo_revision (version_num text)",
        "INSERT INTO hpo_revision VALUES ('a1b2')",
    ],
}


@pytest.mark.parametrize("statements", FOREIGN.values(), ids=FOREIGN.keys())
def test_every_entry_point_refuses_another_programs_database(storage_url: str, statements: list[str]) -> None:
    engine = connect(parse(storage_url), create=True)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
    before = snapshot(storage_url)
    for action in (storage.upgrade, storage.examine, storage.prepare, storage.open, storage.find):
        with pytest.raises(StorageError, match=r"belongs to another program .* nothing was changed"):
            action(storage_url)
    assert snapshot(storage_url) == before


EARLIER = {
    "the first": [
        "CREATE TABLE hpo_version (id int, version int)",
        "INSERT INTO hpo_version VALUES (1, 1)",
        "CREATE TABLE hpo_study (name text, incarnation text)",
    ],
    "the last": [
        "CREATE TABLE hpo_revision (version_num text)",
        "INSERT INTO hpo_revision VALUES ('6')",
        "CREATE TABLE hpo_version (id int, version int)",
        "INSERT INTO hpo_version VALUES (1, 6)",
        "CREATE TABLE hpo_study (name text, incarnation text)",
    ],
    "one that somebody has tidied up": ["CREATE TABLE hpo_study (name text, incarnation text)"],
}


def refuse_earlier(url: str) -> None:
    """Every door refuses what is there, in one line, and leaves it as it is."""
    before = snapshot(url)
    for action in (storage.upgrade, storage.examine, storage.prepare, storage.open, storage.find):
        with pytest.raises(StorageError) as caught:
            action(url)
        assert str(caught.value) == (
            f"storage {parse(url).safe} was made by an earlier, unreleased version of hpo, which this one can neither "
            "read nor export: nothing was changed; name another one (--storage), or pip install the commit of hpo that "
            "made it"
        )
    assert snapshot(url) == before


@pytest.mark.parametrize("statements", EARLIER.values(), ids=EARLIER.keys())
def test_every_entry_point_refuses_a_database_from_before_the_first_release(
    storage_url: str, statements: list[str]
) -> None:
    engine = connect(parse(storage_url), create=True)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
    refuse_earlier(storage_url)


def test_a_file_from_before_the_first_release_is_refused_whole(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "hpo.db") as connection:
        connection.executescript((Path(__file__).parent / "earlier.sql").read_text())
    connection.close()
    refuse_earlier("sqlite:///hpo.db")


def test_every_entry_point_refuses_a_newer_hpos_database(made: tuple[str, StudyRecord]) -> None:
    url, _ = made
    engine = connect(parse(url), create=False)
    with engine.begin() as connection:
        connection.execute(schema.revision.update().values(version_num=str(schema.VERSION + 1)))
    engine.dispose()
    before = snapshot(url)
    for action in (storage.upgrade, storage.examine, storage.prepare, storage.open, storage.find):
        with pytest.raises(StorageError, match=r"made by a newer hpo .* pip install -U"):
            action(url)
    assert snapshot(url) == before


def test_the_tables_of_another_optuna_are_refused_untouched(storage_url: str) -> None:
    import optuna

    alone = optuna.storages.RDBStorage(parse(storage_url).sqlalchemy.render_as_string(hide_password=False))
    alone.engine.dispose()
    engine = connect(parse(storage_url), create=False)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'v3.0.0.d'"))
    engine.dispose()
    before = snapshot(storage_url)
    for action in (storage.upgrade, storage.examine, storage.prepare):
        with pytest.raises(StorageError, match=r"another Optuna .* optuna storage upgrade"):
            action(storage_url)
    assert snapshot(storage_url) == before


def test_the_migrations_come_with_the_package() -> None:
    from importlib.resources import files

    folder = files("hpo.storage.migrations")
    assert (folder / "env.py").is_file()
    there = {Path(str(file)).name for file in (folder / "versions").iterdir()}
    assert len([name for name in there if name.startswith("v") and name.endswith(".py")]) == schema.VERSION
