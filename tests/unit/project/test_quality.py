"""The replays of ways to search: their table is whole, and they spend and name what the searches they stand for do."""

from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The benchmarks are no part of the package."""
    monkeypatch.syspath_prepend(ROOT)


def test_the_table_has_every_configuration_of_the_task_at_every_fidelity() -> None:
    from benchmarks.quality.table import FIDELITIES, Table

    table = Table.read()
    assert len(table.configurations()) >= 300
    tuned = Table.read(tuned=True)
    assert tuned.truth[tuned.hand] >= table.truth[table.hand]
    for fidelity in FIDELITIES:
        first = table.curves[fidelity][:, :, 0]
        assert np.isfinite(first).mean() > 0.99  # but for those that diverge in the first epoch
        assert ((first >= 0) | np.isnan(first)).all()
        assert ((first <= 1) | np.isnan(first)).all()
    assert [round(1 / table.work(fidelity)) for fidelity in FIDELITIES] == [16, 4, 1]


def test_a_replayed_ladder_trains_what_a_climbing_search_would() -> None:
    from benchmarks.quality.ladder import Ladder
    from benchmarks.quality.table import Table
    from benchmarks.quality.table_search import Search
    from hpo.study.rungs import climb

    table = Table.read()
    events = list(Ladder(trials=30, sampler="random")(Search(table=table, seed=3)))
    rungs = climb(("quick", "full"), 30, prior=True)
    assert len(events) == sum(rung.slots for rung in rungs)
    assert events[-1].work == pytest.approx(sum(rung.slots * table.work(rung.fidelity) for rung in rungs))
    assert events[0].named == table.hand
    assert events[0].work == pytest.approx(1)


@pytest.mark.parametrize("name", ["KerasTuner's Hyperband", "one epoch of 20, best 3 in full", "random at full"])
def test_every_method_spends_more_and_more_and_names_something_in_the_end(name: str) -> None:
    from benchmarks.quality.methods import METHODS
    from benchmarks.quality.table import Table
    from benchmarks.quality.table_search import Search

    work, named = 0.0, None
    for event in METHODS[name](Search(table=Table.read(), seed=1)):
        assert event.work >= work
        work, named = event.work, event.named
        if work > 12:
            break
    assert named is not None


def test_a_replayed_climb_is_stopped_where_it_is_behind_the_baseline() -> None:
    from benchmarks.quality.ladder import Ladder
    from benchmarks.quality.table import Table
    from benchmarks.quality.table_search import Search

    whole = list(Ladder(trials=30, sampler="random")(Search(table=Table.read(), seed=3)))
    stopped = list(Ladder(trials=30, sampler="random", stops=0.3, slack=-1.0)(Search(table=Table.read(), seed=3)))
    assert stopped[-1].work < whole[-1].work
    assert stopped[-1].named == Table.read().hand
