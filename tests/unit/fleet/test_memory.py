"""How much memory there is and is held."""

import pytest

from hpo.fleet.machine.memory import default_limit, machine_bytes, resident_bytes


def test_what_is_held_is_seen() -> None:
    before = resident_bytes()
    held = bytearray(b"x" * 64_000_000)
    assert resident_bytes() - before > 50_000_000
    assert held


@pytest.mark.parametrize("workers", [1, 2, 256])
def test_the_workers_share_the_machine_but_none_gets_less_than_it_needs(workers: int) -> None:
    limit = default_limit(workers)
    assert limit >= 1 << 30
    assert limit == 1 << 30 or limit * workers <= machine_bytes()
