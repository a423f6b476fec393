"""What workers are forks of."""

import importlib.util

import pytest

from hpo.fleet.worker import fork_main


@pytest.mark.parametrize(
    "module", [*fork_main.PRELOADED, *fork_main.PRELOADED_FOR_KERAS, *fork_main.PRELOADED_FOR_TENSORFLOW]
)
def test_modules_preloaded_for_workers_exist(module: str) -> None:
    assert importlib.util.find_spec(module) is not None
