"""A database of an earlier hpo: brought up to date by one of many, keeping what it holds; a later one's is refused."""

import multiprocessing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from earlier import take_back
from sqlalchemy import inspect, select, text

from hpo.errors import StorageError
from hpo.service import storage, studies
from hpo.service.slots.slots import Slots
from hpo.service.storage import schema
from hpo.service.storage.engine import connect
from hpo.service.storage.migrations import REVISIONS
from hpo.service.storage.upgrading import Upgrade
from hpo.service.storage.url import parse
from hpo.service.studies import StudyPlan, StudyRecord


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


@pytest.fixture
def old(request: pytest.FixtureRequest, made: tuple[str, StudyRecord]) -> tuple[str, StudyRecord, int]:
    """The same as an earlier version left it: the first, unless a test asks for another."""
    url, record = made
    version = getattr(request, "param", 1)
    opened = storage.open(url)
    take_back(opened, version)
    opened.close()
    return url, record, version


def of_version(url: str) -> tuple[int, str | None]:
    """What earlier programs look at, and what Alembic goes by."""
    engine = connect(parse(url), create=False)
    with engine.connect() as connection:
        number = connection.execute(select(schema.version.c.version)).scalar_one()
        revision = MigrationContext.configure(connection, opts={"version_table": REVISIONS}).get_current_revision()
    engine.dispose()
    return number, revision


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


LATEST = (schema.VERSION, str(schema.VERSION))


def test_a_database_made_today_has_the_tables_the_program_works_with(storage_url: str) -> None:
    assert storage.upgrade(storage_url) == Upgrade(before=None, after=schema.VERSION, needed=schema.VERSION)
    assert of_version(storage_url) == LATEST
    assert differences(storage_url) == []
    assert storage.upgrade(storage_url) == Upgrade(before=schema.VERSION, after=schema.VERSION, needed=schema.VERSION)


@pytest.mark.parametrize("old", [1, 2, 3, 4], indirect=True)
def test_tables_are_completed_and_what_they_hold_stays(old: tuple[str, StudyRecord, int]) -> None:
    url, record, version = old
    assert differences(url) != []
    assert storage.upgrade(url) == Upgrade(before=version, after=schema.VERSION, needed=schema.VERSION)
    assert of_version(url) == LATEST
    assert differences(url) == []
    opened = storage.open(url)
    assert studies.list_all(opened) == [record]
    assert (record.kind, record.parent, record.stopped_at) == ("search", None, None)
    assert [(s.outcome, s.value) for s in Slots(opened).list(record.name)] == [("complete", 0.5), (None, None)]
    opened.close()


@pytest.mark.parametrize("action", [storage.prepare, storage.open, storage.find])
def test_opening_upgrades_a_file_and_leaves_a_server_to_db_upgrade(old: tuple[str, StudyRecord, int], action) -> None:
    url, record, version = old
    if parse(url).path is not None:
        opened = action(url)
        assert studies.list_all(opened) == [record]
        opened.close()
        assert of_version(url) == LATEST
        return
    with pytest.raises(StorageError, match=f"tables of version {version}, .* needs {schema.VERSION}: .*hpo db upgrade"):
        action(url)
    assert of_version(url) == (version, None)


def test_looking_upgrades_nothing(old: tuple[str, StudyRecord, int]) -> None:
    url, _, version = old
    assert storage.examine(url) == Upgrade(before=version, after=version, needed=schema.VERSION)
    assert of_version(url) == (version, None)


def test_an_upgraded_database_takes_measurements(old: tuple[str, StudyRecord, int], plan: StudyPlan) -> None:
    url, record, _ = old
    storage.upgrade(url)
    opened = storage.open(url)
    race = StudyPlan(**{**vars(plan), "name": "a race", "kind": "race", "parent": record.name})
    assert studies.create_or_resume(opened, race).parent == record.name
    studies.delete(opened, record.name)
    assert studies.list_all(opened) == []
    opened.close()


def test_an_earlier_hpo_that_still_runs_makes_searches(old: tuple[str, StudyRecord, int]) -> None:
    url, record, _ = old
    storage.upgrade(url)
    opened = storage.open(url)
    columns = [c.name for c in schema.studies.c][: [c.name for c in schema.studies.c].index("kind")]  # of version 1
    names = ", ".join(columns)
    with opened.engine.begin() as connection:
        connection.execute(text("UPDATE hpo_study SET name = 'its own'"))
        connection.execute(
            text(f"INSERT INTO hpo_study ({names}) SELECT {names.replace('name', ':name', 1)} FROM hpo_study"),
            {"name": record.name},
        )
    assert {r.kind for r in studies.list_all(opened)} == {"search"}
    opened.close()


def test_an_upgrade_that_breaks_off_changes_nothing(
    old: tuple[str, StudyRecord, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic.operations import Operations

    url, record, version = old
    before = {name: table for name, table in snapshot(url).items() if name != "bytes"}
    create = Operations.create_table

    def breaks(self: Operations, name: str, *columns: object, **options: object) -> object:
        made = create(self, name, *columns, **options)  # type: ignore[arg-type]
        if name == "hpo_worker":  # after the columns and a table, before the last
            raise KeyboardInterrupt
        return made

    with monkeypatch.context() as patch:
        patch.setattr(Operations, "create_table", breaks)
        with pytest.raises(KeyboardInterrupt):
            storage.upgrade(url)
    assert of_version(url) == (version, None)
    assert {name: table for name, table in snapshot(url).items() if name != "bytes"} == before
    storage.upgrade(url)
    opened = storage.open(url)
    assert studies.list_all(opened) == [record]
    opened.close()


def _upgrade(url: str, gate: "multiprocessing.Barrier", results: "multiprocessing.Queue[object]") -> None:
    try:
        storage.examine(url)  # all that must be imported is, and the server is known
        gate.wait(60)
        results.put(storage.upgrade(url).before)
    except BaseException as error:
        results.put(repr(error))
        raise


@pytest.mark.parametrize("from_nothing", [True, False])
def test_of_many_at_once_one_does_it(storage_url: str, plan: StudyPlan, from_nothing: bool) -> None:
    if not from_nothing:
        opened = storage.prepare(storage_url)
        studies.create_or_resume(opened, plan)
        take_back(opened, 1)
        opened.close()
    context = multiprocessing.get_context("fork")
    gate, results = context.Barrier(5), context.Queue()
    several = [context.Process(target=_upgrade, args=(storage_url, gate, results)) for _ in range(5)]
    for process in several:
        process.start()
    found = sorted((results.get(timeout=60) for _ in several), key=lambda before: (before is not None, before))
    for process in several:
        process.join(60)
    assert found == [None if from_nothing else 1, *[schema.VERSION] * 4]
    assert differences(storage_url) == []


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
    "a version that is not told": ["CREATE TABLE hpo_version (id int, version int)"],
}


@pytest.mark.parametrize("statements", FOREIGN.values(), ids=FOREIGN.keys())
def test_another_programs_database_is_refused_by_every_door(storage_url: str, statements: list[str]) -> None:
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


def test_a_newer_hpos_database_is_refused_by_every_door(made: tuple[str, StudyRecord]) -> None:
    url, _ = made
    engine = connect(parse(url), create=False)
    with engine.begin() as connection:
        connection.execute(schema.version.update().values(version=schema.VERSION + 1))
        connection.execute(text(f"UPDATE {REVISIONS} SET version_num = '{schema.VERSION + 1}'"))
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

    there = {Path(str(file)).name for file in files("hpo.service.storage.migrations.versions").iterdir()}
    assert len([name for name in there if name.startswith("v") and name.endswith(".py")]) == schema.VERSION
