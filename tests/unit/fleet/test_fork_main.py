"""What workers are forks of."""

import importlib.util

import pytest

from hpo.fleet.worker import fork_main


@pytest.mark.parametrize(
    "module", [*fork_main.PRELOADED, *fork_main.PRELOADED_FOR_KERAS, *fork_main.PRELOADED_FOR_TENSORFLOW]
)
def test_what_is_imported_ahead_of_the_workers_is_there(module: str) -> None:
    assert importlib.util.find_spec(module) is not None
