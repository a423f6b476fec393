"""The networks the definitions build."""

import json
import re
from typing import Any

import pytest

from hpo.study import Params, StudyDefinition
from studies.cnn import study as cnn
from studies.fcnn import study as fcnn


def anatomy(study: StudyDefinition, params: Params) -> dict[str, Any]:
    """What a configuration builds, without the names Keras counts up."""
    recipe = study.build(params)
    layers = [layer.get_config() for layer in recipe.model.layers]
    rates = recipe.schedule.rates(0.001, 3000).tolist() if recipe.schedule else None
    text = json.dumps([layers, recipe.optimizer.get_config(), recipe.loss, recipe.batch_size, rates], default=str)
    return json.loads(re.sub(r'"name": "[a-z_0-9]+"', '"name": ""', text))


@pytest.mark.parametrize("study", [cnn, fcnn], ids=lambda s: s.name)
def test_every_space_builds_the_same_baseline(study: StudyDefinition) -> None:
    baseline = study.baseline("report")
    assert anatomy(study, baseline.params_in("report")) == anatomy(study, baseline.params_in("wide"))


@pytest.mark.parametrize("study", [cnn, fcnn], ids=lambda s: s.name)
def test_every_row_of_the_tables_builds(study: StudyDefinition) -> None:
    for sweep in study.sweeps:
        for row in sweep.rows:
            recipe = study.build(sweep.configuration(row))
            assert recipe.model.output_shape == ((None, 10) if study is cnn else (None, 1))


def test_the_report_network_has_the_parameters_arithmetic_gives() -> None:
    recipe = cnn.build(cnn.baseline().params)  # 28 -> 25 -> 12 pixels a side
    assert recipe.model.count_params() == (4 * 4 + 1) * 32 + (12 * 12 * 32 + 1) * 128 + (128 + 1) * 10


def test_the_reports_optimizer_settings() -> None:
    sgd, adadelta = (
        fcnn.build({**fcnn.baseline().params, "optimizer": name}).optimizer for name in ("sgd", "adadelta")
    )
    assert float(sgd.learning_rate) == pytest.approx(0.01)
    assert sgd.momentum == 0.8
    assert float(adadelta.learning_rate) == 1.0
