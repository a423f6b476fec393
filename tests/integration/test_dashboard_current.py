"""optuna-dashboard beside a service that deletes studies and makes them again."""

import json
from pathlib import Path

import optuna
import pytest
from werkzeug.test import Client

from hpo import storage
from hpo.storage import studies
from hpo.storage.studies import StudyPlan
from hpo.web import optuna_dashboard


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'hpo.db'}"  # which gives the numbers of what was deleted again


def shown(client: Client) -> list[float]:
    detail = json.loads(client.get("/api/studies/1").data)
    return [trial["values"][0] for trial in detail["trials"]]


def add(url: str, plan: StudyPlan, values: list[float]) -> None:
    other = storage.open(url)  # another process
    studies.create_or_resume(other, plan)
    study = optuna.load_study(study_name=plan.name, storage=other.optuna)
    for value in values:
        study.add_trial(optuna.create_trial(value=value, params={}, distributions={}))
    other.close()


def test_a_study_recreated_shows_none_of_the_deleted_trials(url: str, plan: StudyPlan) -> None:
    opened = storage.prepare(url)
    add(url, plan, [1.0, 2.0])
    client = Client(optuna_dashboard.create(opened))
    assert shown(client) == [1.0, 2.0]
    deleting = storage.open(url)
    studies.delete(deleting, plan.name, force=True)
    deleting.close()
    add(url, plan, [3.0])
    assert shown(client) == [3.0]
    opened.close()


def test_a_new_study_does_not_clear_the_dashboards_cache(url: str, plan: StudyPlan) -> None:
    from dataclasses import replace

    opened = storage.prepare(url)
    add(url, plan, [1.0])
    client = Client(optuna_dashboard.create(opened))
    assert shown(client) == [1.0]
    kept = opened.optuna
    add(url, replace(plan, name="another"), [2.0])
    assert shown(client) == [1.0]
    assert opened.optuna is kept
    opened.close()
