"""The table of metrics in hpo.study.objectives against Keras's own: the same names, each better the same way."""

import pytest
from keras.src.losses import ALL_OBJECTS_DICT as LOSSES
from keras.src.metrics import ALL_OBJECTS_DICT as METRICS

from hpo.study.objectives import DIRECTIONS, UNFINISHED

OPTIONS = {  # of the metrics that have no defaults for all of theirs
    "IoU": {"num_classes": 2, "target_class_ids": [0]},
    "MeanIoU": {"num_classes": 2},
    "OneHotIoU": {"num_classes": 2, "target_class_ids": [0]},
    "OneHotMeanIoU": {"num_classes": 2},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "MeanMetricWrapper": {"fn": lambda y, outputs: outputs},
}
WAYS = {"up": "maximize", "down": "minimize"}
BY_SHAPES = {"accuracy", "acc"}  # compile() takes both; of them only the first is a class of Keras, and another metric


def way(name: str) -> str | None:
    """Which way Keras says that a metric is better; None where it says nothing, as of a sum."""
    kind = METRICS[name]
    return WAYS.get(getattr(kind(**OPTIONS.get(kind.__name__, {})), "_direction", None))


@pytest.mark.parametrize("name", sorted(METRICS))
def test_the_table_has_the_right_direction_for_each_keras_metric(name: str) -> None:
    assert DIRECTIONS.get(name) == way(name)


def test_every_metric_in_the_table_is_known_to_keras() -> None:
    assert set(DIRECTIONS) - BY_SHAPES <= set(METRICS)


@pytest.mark.parametrize("name", sorted(set(LOSSES) & set(DIRECTIONS) - {"CosineSimilarity", "cosine_similarity"}))
def test_metrics_that_are_losses_are_minimized(name: str) -> None:
    assert DIRECTIONS[name] == "minimize"  # the similarity, as a loss, has its sign turned


def test_metrics_chosen_by_shape_are_accuracies_to_maximize() -> None:
    assert {DIRECTIONS[name] for name in BY_SHAPES} == {"maximize"}


def test_the_metrics_that_need_more_than_a_name_are_known() -> None:
    told = set(OPTIONS) - {"MeanMetricWrapper"}
    assert {name for name in METRICS if METRICS[name].__name__ in told} == UNFINISHED
