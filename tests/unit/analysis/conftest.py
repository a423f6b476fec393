"""What the tests of statistics draw from."""

import numpy as np
import pytest


@pytest.fixture
def rng() -> np.random.Generator:
    """The same numbers in every run and in any order of the tests."""
    return np.random.default_rng(20_240_607)
