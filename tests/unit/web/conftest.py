"""What the tests of the web share: a database, as dashboards share their logins there."""

from collections.abc import Iterator

import pytest

from hpo import storage
from hpo.storage import Storage


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    opened = storage.prepare(f"sqlite:///{tmp_path_factory.mktemp('web') / 'hpo.db'}")
    yield opened
    opened.close()
