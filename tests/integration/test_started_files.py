"""What `hpo init` writes is searched at once."""

from contextlib import closing
from pathlib import Path

import pytest
from asking import asked

from hpo import storage
from hpo.experiments.search_plan import plan
from hpo.experiments.search_run import leave
from hpo.experiments.starter_files import write_starter
from hpo.experiments.starter_record import Kind, Starter
from hpo.fleet.worker.work_loop import Server
from hpo.storage.queries.status import study_status


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("kind", "file", "attribute", "trials"),
    [
        ("objective", "tune.py", ":objective", 6),
        ("command", "train.toml", "", 6),
        ("definition", "net.py", ":study", 2),
    ],
)
def test_every_kind_of_starter_file_can_be_searched_at_once(
    tmp_path: Path, kind: Kind, file: str, attribute: str, trials: int
) -> None:
    write_starter(tmp_path / file, Starter(kind=kind))
    with closing(storage.prepare(f"sqlite:///{tmp_path / 'hpo.db'}")) as store:
        wanted = asked(definition=f"{tmp_path / file}{attribute}", storage=store.url, trials=trials, workers=0, seed=1)
        with closing(plan(wanted)) as planned:
            left = leave(planned)
        assert Server(store, left.study).run() == "drained"
        found = study_status(store, left.study)
    assert found.settled == found.target
    assert found.complete
    assert not found.failed
