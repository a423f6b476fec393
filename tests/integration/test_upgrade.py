"""A database of an earlier hpo: brought up to date where it is, by whoever opens it first, keeping what it holds."""

import pytest
from sqlalchemy import inspect, select, text
from version_1 import take_back

from hpo.service import storage, studies
from hpo.service.storage import schema
from hpo.service.storage.engine import connect
from hpo.service.storage.url import parse
from hpo.service.studies import StudyPlan, StudyRecord
from hpo.service.studies.slots import Slots


@pytest.fixture
def old(storage_url: str, plan: StudyPlan) -> tuple[str, StudyRecord]:
    """URL of a database as version 1 left it, and the study in it, with a slot that is settled and one that is not."""
    opened = storage.prepare(storage_url)
    record = studies.create_or_resume(opened, plan)
    slots = Slots(opened)
    slots.open(plan.name, 2)
    held = slots.claim(plan.name, "w1", 60)
    assert held is not None
    assert slots.settle(held, "complete", 0.5, params={"x": 0.25})
    take_back(opened)
    opened.close()
    return storage_url, record


def version(opened: storage.Storage) -> int:
    with opened.engine.connect() as connection:
        return connection.execute(select(schema.version.c.version)).scalar_one()


@pytest.mark.parametrize("action", [storage.prepare, storage.open, storage.find])
def test_tables_are_completed_and_what_they_hold_stays(old: tuple[str, StudyRecord], action) -> None:
    url, record = old
    opened = action(url)
    assert opened is not None
    assert version(opened) == schema.VERSION
    assert studies.list_all(opened) == [record]
    assert (record.kind, record.parent) == ("search", None)
    assert [(s.outcome, s.value) for s in Slots(opened).list(record.name)] == [("complete", 0.5), (None, None)]
    columns = {column["name"] for column in inspect(opened.engine).get_columns("hpo_look")}
    assert columns == set(schema.looks.c.keys())
    opened.close()


def test_an_upgraded_database_takes_measurements(old: tuple[str, StudyRecord], plan: StudyPlan) -> None:
    url, record = old
    opened = storage.open(url)
    race = StudyPlan(**{**vars(plan), "name": "a race", "kind": "race", "parent": record.name})
    assert studies.create_or_resume(opened, race).parent == record.name
    studies.delete(opened, record.name)
    assert studies.list_all(opened) == []
    opened.close()


def test_an_earlier_hpo_that_still_runs_makes_searches(old: tuple[str, StudyRecord]) -> None:
    url, record = old
    opened = storage.open(url)
    with opened.engine.begin() as connection:
        connection.execute(text("UPDATE hpo_study SET name = 'its own'"))
        columns = [c.name for c in schema.studies.c if c.name not in ("kind", "parent")]
        names = ", ".join(columns)
        connection.execute(
            text(f"INSERT INTO hpo_study ({names}) SELECT {names.replace('name', ':name', 1)} FROM hpo_study"),
            {"name": record.name},
        )
    assert {r.kind for r in studies.list_all(opened)} == {"search"}
    opened.close()


def test_an_upgrade_that_breaks_off_changes_nothing(
    old: tuple[str, StudyRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, record = old

    def breaks(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(schema.looks, "create", breaks)  # after the columns, before the table
        with pytest.raises(KeyboardInterrupt):
            storage.open(url)
    where = parse(url)
    engine = connect(where, create=False)
    assert "kind" not in {column["name"] for column in inspect(engine).get_columns("hpo_study")}
    engine.dispose()
    opened = storage.open(url)
    assert studies.list_all(opened) == [record]
    opened.close()
