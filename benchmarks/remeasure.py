"""The winner of a finished fcnn search against the baseline, on common folds that neither was chosen on.

    hpo optimize fcnn --trials 50 --fidelity full
    python -m benchmarks.remeasure fcnn-report-full

The search picked its winner by the mean over folds cut for that one trial, so the winner is also the luckiest. Here
both configurations are trained on the same folds, cut anew by seeds the search never used; the differences are paired.
"""

import argparse

import numpy as np

from hpo import storage
from hpo.data import kfold
from hpo.settings import storage_url
from hpo.storage import studies
from hpo.storage.queries import study_results
from hpo.study import Params, StudyDefinition
from hpo.study.registry import load
from hpo.training import build, configure, fit

FRESH_SEED = 1_000_003  # no search derives its folds from it


def cross_validate(definition: StudyDefinition, params: Params, epochs: int, repeat: int) -> list[float]:
    """The validation metric on each of five folds; the folds depend on `repeat` alone."""
    rows = definition.data().development
    scores = []
    for number, (train, validation) in enumerate(kfold(len(rows), 5, seed=FRESH_SEED + repeat)):
        seed = FRESH_SEED + 100 * repeat + number
        run = fit(
            build(definition.build, params, seed),
            rows.take(train),
            rows.take(validation),
            epochs=epochs,
            metric=definition.metric,
            seed=seed,
        )
        scores.append(run.evaluate(rows.take(validation)))
    return scores


def main() -> None:
    """Train both, print both and the paired difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study")
    parser.add_argument("--storage", default=storage_url())
    parser.add_argument("--repeats", type=int, default=5, help="times five folds are cut anew")
    arguments = parser.parse_args()
    configure(threads=1)
    opened = storage.open(arguments.storage)
    record = studies.find(opened, arguments.study)
    definition = load(record.reference)
    winner = study_results.best(opened, record.name)
    epochs = definition.fidelity(record.fidelity).epochs
    baseline = definition.baseline().params_in(record.space)
    pairs = np.array(
        [
            [
                np.mean(cross_validate(definition, winner.params, epochs, repeat)),
                np.mean(cross_validate(definition, baseline, epochs, repeat)),
            ]
            for repeat in range(arguments.repeats)
        ]
    )
    difference = pairs[:, 0] - pairs[:, 1]
    print(f"winner: trial {winner.number}, {dict(winner.params)}")
    print(f"search value of the winner      {winner.value:.3f}")
    for name, column in (("winner", pairs[:, 0]), ("baseline", pairs[:, 1])):
        print(f"{name:8} on {arguments.repeats} x 5 common folds  {column.mean():.3f} ± {column.std(ddof=1):.3f}")
    print(f"difference                      {difference.mean():+.3f} ± {difference.std(ddof=1):.3f} {definition.unit}")


if __name__ == "__main__":
    main()
