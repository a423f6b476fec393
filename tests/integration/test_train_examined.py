"""`hpo train --mc-dropout --fold-batchnorm`: a small network from its configuration to its files and figures."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from hpo.cli.train import examination_lines
from hpo.data import Dataset, Rows
from hpo.errors import UsageError
from hpo.experiments.train_configuration import Trained, TrainPlan, TrainRequest, plan_training, train
from hpo.study import Categorical, Fidelity, Float, Holdout, Params, Space, StudyDefinition
from hpo.training import Dropout, Recipe
from hpo.training.after import calibration_error, nll

CLASSES = 3
FULL: Params = {"dropout": 0.3, "batch_norm": True}


def rows(number: int, seed: int) -> Rows:
    random = np.random.default_rng(seed)
    labels = random.integers(0, CLASSES, number)
    x = random.normal(size=(number, 4)) + 1.5 * np.eye(CLASSES, 4)[labels]
    return Rows(x=x.astype(np.float32), y=np.eye(CLASSES, dtype=np.float32)[labels])


def data() -> Dataset:
    return Dataset(name="blobs", development=rows(200, 1), test=rows(120, 2))


def build(params: Params) -> Recipe:
    layers = [keras.layers.Dense(16, use_bias=not params["batch_norm"])]
    if params["batch_norm"]:
        layers.append(keras.layers.BatchNormalization())
    layers += [keras.layers.ReLU(), Dropout(params["dropout"]), keras.layers.Dense(CLASSES, activation="softmax")]
    model = keras.Sequential([keras.Input((4,)), *layers])
    return Recipe(model=model, optimizer=keras.optimizers.Adam(0.01), loss="categorical_crossentropy", batch_size=32)


study = StudyDefinition(
    name="blobs",
    title="three clouds",
    data=data,
    build=build,
    metric="accuracy",
    direction="maximize",
    spaces=(
        Space(
            name="all",
            params={"dropout": Float(low=0.0, high=0.5), "batch_norm": Categorical(choices=(True, False))},
        ),
    ),
    evaluation=Holdout(rows=40),
    fidelities=(Fidelity(name="quick", epochs=3),),
)


def job(folder: Path, params: Params, **asked: object) -> TrainPlan:
    config = folder / "model.json"  # beside the model, and named as it is
    config.write_text(json.dumps(params))
    request = TrainRequest(definition=f"{__file__}:study", config=str(config), storage="sqlite://", **asked)  # type: ignore[arg-type]
    return plan_training(request)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainPlan, Trained]:
    folder = tmp_path_factory.mktemp("examined")
    asked = job(folder, FULL, passes=200, folding=True, output=folder / "model.keras", seed=4)
    return asked, train(asked)


def test_the_model_its_folded_version_and_the_figures_are_saved(done: tuple[TrainPlan, Trained]) -> None:
    asked, trained = done
    assert asked.request.output is not None
    folder = asked.request.output.parent
    assert {path.name for path in folder.iterdir()} == {
        "model.json",
        "model.keras",
        "model-folded.keras",
        "model-figures.json",
    }
    x = study.data().test.x
    whole, folded = (keras.models.load_model(folder / name) for name in ("model.keras", "model-folded.keras"))
    assert any(isinstance(layer, keras.layers.BatchNormalization) for layer in whole.layers)
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in folded.layers)
    np.testing.assert_allclose(whole.predict(x, verbose=0), folded.predict(x, verbose=0), atol=1e-5)
    assert json.loads((folder / "model.json").read_text()) == FULL  # the configuration, as it was
    kept = json.loads((folder / "model-figures.json").read_text())
    assert kept == json.loads(json.dumps(trained.to_json()))
    assert kept["test"] == trained.measurement.test


def test_the_examination_figures_are_computed_from_the_model(done: tuple[TrainPlan, Trained]) -> None:
    found = done[1].examination
    assert found is not None
    test = study.data().test
    plain = done[1].measurement.run.predict(test.x)
    sure, folding = found.uncertainty, found.folding
    assert sure is not None
    assert folding is not None
    assert sure.plain.nll == pytest.approx(nll(plain, test.y))
    assert sure.plain.calibration_error == pytest.approx(calibration_error(plain, test.y))
    assert sure.passes == 200
    assert sure.mc != sure.plain
    assert sure.accuracy is not None
    assert sure.accuracy == pytest.approx(done[1].measurement.test, abs=0.1)
    assert sure.entropy_wrong is not None
    assert sure.entropy_right is not None
    assert sure.entropy_wrong > sure.entropy_right
    assert sure.entropy is not None
    assert 0 < (sure.mutual_information or 0) < sure.entropy < np.log(CLASSES)
    assert (folding.folded, folding.left) == (1, 0)
    assert folding.difference < 1e-5
    # 4 x 16 weights, 4 x 16 of batch normalization; folded, its shift is the bias of the layer before it.
    assert found.parameters == 4 * 16 + 4 * 16 + 17 * CLASSES
    assert folding.parameters == 4 * 16 + 16 + 17 * CLASSES
    assert found.bytes == 4 * found.parameters
    assert found.pruned == pytest.approx(done[1].measurement.test, abs=0.02)
    assert [speed.batch for speed in found.speeds] == [1, 256]
    assert all(speed.seconds > 0 and (speed.folded_seconds or 0) > 0 for speed in found.speeds)


def test_an_examination_is_printed_in_words(done: tuple[TrainPlan, Trained]) -> None:
    assert done[1].examination is not None
    text = "\n".join(examination_lines(done[1].examination))
    for words in ("179 parameters", "1 batch normalization folded", "latency at batch 256", "200 passes", "entropy"):
        assert words in text


@pytest.mark.parametrize(
    ("params", "asked", "why"),
    [
        ({"dropout": 0.0, "batch_norm": True}, {"passes": 10}, "no dropout, so .*--mc-dropout"),
        ({"dropout": 0.1, "batch_norm": False}, {"folding": True}, "no batch normalization for --fold-batchnorm"),
    ],
)
def test_examinations_the_model_does_not_support_are_refused_before_training(
    tmp_path: Path, params: Params, asked: dict[str, object], why: str
) -> None:
    epochs: list[object] = []
    with pytest.raises(UsageError, match=why):
        train(job(tmp_path, params, output=tmp_path / "model.keras", **asked), epochs.append)
    assert not epochs
    assert not (tmp_path / "model.keras").exists()


@pytest.mark.parametrize("passes", [1, 0, 100_001])
def test_a_number_of_passes_out_of_range_is_refused(tmp_path: Path, passes: int) -> None:
    with pytest.raises(UsageError, match=f"from 2 to 100,000 passes, not {passes}"):
        job(tmp_path, FULL, passes=passes)


def test_a_training_without_examination_saves_only_the_model(tmp_path: Path) -> None:
    trained = train(job(tmp_path, FULL, output=tmp_path / "model.keras"))
    assert trained.examination is None
    assert set(trained.to_json()) == {
        "params",
        "seed",
        "epochs",
        "train",
        "test",
        "trained_by",
        "compile_seconds",
        "fit_seconds",
    }
    assert {path.name for path in tmp_path.iterdir()} == {"model.json", "model.keras"}
