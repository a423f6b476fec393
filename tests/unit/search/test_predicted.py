"""What is kept of what a model says: classes or numbers, told by the targets."""

from typing import Any

import numpy as np
import pytest

from hpo.search.job_objective import predicted

HOT = np.array([[0, 1, 0], [1, 0, 0]], dtype=np.float32)
SCORES = np.array([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]], dtype=np.float32)


@pytest.mark.parametrize(
    ("outputs", "y", "metric", "kept"),
    [
        (SCORES, HOT, "accuracy", {"labels": [2, 0]}),
        (SCORES, np.array([1, 0]), "accuracy", {"labels": [2, 0]}),
        (SCORES, np.array([[1.0], [0.0]]), "sparse_categorical_crossentropy", {"labels": [2, 0]}),
        (np.array([[0.2], [0.9]]), np.array([1, 1]), "accuracy", {"labels": [0, 1]}),
        (np.array([[0.25], [0.5]]), np.array([1.5, 0.5]), "mae", {"values": [0.25, 0.5]}),
        (np.array([0.25, 0.5]), np.array([1.5, 0.5]), "mae", {"values": [0.25, 0.5]}),
        (
            np.array([[0.25, 1.0], [0.5, 2.0]]),
            np.array([[1.5, 1], [2, 1]]),
            "mae",
            {"values": [[0.25, 1.0], [0.5, 2.0]]},
        ),
    ],
    ids=["one-hot", "labels", "labels in a column", "a probability", "a number", "flat", "several numbers"],
)
def test_predictions_are_kept_as_labels_or_as_values(
    outputs: np.ndarray, y: np.ndarray, metric: str, kept: dict[str, Any]
) -> None:
    assert predicted(outputs, y, metric) == kept
