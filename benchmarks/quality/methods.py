"""The ways to search that the replays hold against each other, each on the table in place of trainings."""

from collections.abc import Mapping
from types import MappingProxyType

from optuna.pruners import MedianPruner, NopPruner

from benchmarks.quality.ladder import Ladder, stays
from benchmarks.quality.peers import asha, by_chance, hyperband, hyperband_of_kerastuner, one_epoch, optuna_at_full
from benchmarks.quality.table_search import Method

__all__ = ["METHODS", "VARIANTS"]

METHODS: Mapping[str, Method] = MappingProxyType(
    {
        **{f"ladder, {trials} drawn": Ladder(trials=trials) for trials in (20, 50, 100, 200)},
        "hpo at quick alone, 200 drawn": stays("quick", trials=200),
        "hpo at full, asha": stays("full"),
        "Optuna's ASHA at full": optuna_at_full(asha),
        "Optuna's Hyperband at full": optuna_at_full(hyperband),
        "KerasTuner's Hyperband": hyperband_of_kerastuner(),
        "one epoch of 20, best 3 in full": one_epoch(20),
        "one epoch of 60, best 3 in full": one_epoch(60),
        "Optuna's ASHA at full, told the hand's": optuna_at_full(asha, hand=True),
        "Optuna's Hyperband at full, told the hand's": optuna_at_full(hyperband, hand=True),
        "KerasTuner's Hyperband, told the hand's": hyperband_of_kerastuner(hand=True),
        "one epoch of 20, best 3 in full, told the hand's": one_epoch(20, hand=True),
        "one epoch of 60, best 3 in full, told the hand's": one_epoch(60, hand=True),
        "random at full": by_chance,
    }
)
"""Name -> method, in the order they are told."""

VARIANTS: Mapping[str, Method] = MappingProxyType(
    {
        **{f"{trials} drawn, not told the hand's": Ladder(trials=trials, hand=False) for trials in (20, 50, 100)},
        "three rungs, 50 drawn": Ladder(trials=50, fidelities=("quick", "middle", "full")),
        "three rungs, 100 drawn": Ladder(trials=100, fidelities=("quick", "middle", "full")),
        **{
            f"{drawn} drawn at full, {pruner}": Ladder(trials=drawn, fidelities=("full",), pruner=pruner)
            for drawn in (20, 50, 100)
            for pruner in ("none", "asha")
        },
        **{f"{drawn} drawn at middle": Ladder(trials=drawn, fidelities=("middle", "full")) for drawn in (20, 50, 100)},
        "50 drawn, asha within quick": Ladder(trials=50, pruner="asha"),
        "100 drawn, asha within quick": Ladder(trials=100, pruner="asha"),
        "50 drawn at random": Ladder(trials=50, sampler="random"),
        "100 drawn at random": Ladder(trials=100, sampler="random"),
        "50 drawn, promoted from half on": Ladder(trials=50, begins=0.5),
        "100 drawn, promoted from half on": Ladder(trials=100, begins=0.5),
        "50 drawn, promoted in the end": Ladder(trials=50, begins=1.0),
        "100 drawn, promoted in the end": Ladder(trials=100, begins=1.0),
        "50 drawn, 3 of them promoted": Ladder(trials=50, promoted=3),
        "50 drawn, 10 of them promoted": Ladder(trials=50, promoted=10),
        "100 drawn, 5 of them promoted": Ladder(trials=100, promoted=5),
        "100 drawn, 5 promoted in the end": Ladder(trials=100, promoted=5, begins=1.0),
        **{
            f"{drawn} drawn, stopped behind the hand's by {slack} from {stops:.0%}": Ladder(
                trials=drawn, stops=stops, slack=slack
            )
            for drawn in (50, 100)
            for stops, slack in ((0.3, 0.0), (0.3, 0.01), (0.5, 0.0), (0.5, 0.005), (0.7, 0.0), (0.7, 0.005))
        },
        "Optuna's median at full": optuna_at_full(lambda _: MedianPruner()),
        "Optuna at full, none pruned": optuna_at_full(lambda _: NopPruner()),
    }
)
"""Name -> method that a choice of ours, or a peer's, was measured by."""
