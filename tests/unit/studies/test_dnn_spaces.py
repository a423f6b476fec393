"""What the spaces of dnn hold, and that no configuration of theirs contradicts itself."""

from typing import Any

import pytest
from drawn import configurations
from hypothesis import given
from hypothesis import strategies as st

from studies.dnn import study
from studies.dnn.params import DnnParams, written

SPACES = [space.name for space in study.spaces]


@pytest.mark.parametrize("name", SPACES)
@given(data=st.data())
def test_no_configuration_contradicts_itself(name: str, data: st.DataObject) -> None:
    space = study.space(name)
    params = data.draw(configurations(space))
    assert space.problem(params) is None
    DnnParams(**params)  # every parameter of a space is one of the record
    if params["activation"] == "selu":
        assert not {"initializer", "inputs", "batch_norm"} & set(params)
    else:
        assert not params["initializer"].startswith("lecun")
        assert "lecun" not in params
    assert ("slope" in params) == (params["activation"] == "leaky_relu")
    if "momentum" in params:
        assert params["optimizer"] in ("momentum", "nesterov")
    if "beta_2" in params:
        assert params["optimizer"] in ("adam", "nadam", "adamax", "adamw")
    if params["schedule"] == "one-cycle":
        assert not {"momentum", "beta_1", "power_share", "exponential_share", "drops", "plateau_factor"} & set(params)
    assert ("l1" in params) == params["penalty"].startswith("l1")
    assert ("l2" in params) == params["penalty"].endswith("l2")


@pytest.mark.parametrize("name", SPACES)
@given(data=st.data())
def test_a_space_writes_its_own_configurations_unchanged(name: str, data: st.DataObject) -> None:
    space = study.space(name)
    params = data.draw(configurations(space))
    everything = {**vars(DnnParams(**params)), **params}  # also what has no meaning here
    assert written(space, everything) == params


@given(params=configurations(study.space("chapter")))
def test_space_wide_contains_every_configuration_of_space_chapter(params: dict[str, Any]) -> None:
    wide = study.space("wide")
    assert wide.problem(written(wide, params)) is None


def test_space_chapter_has_the_chapters_values() -> None:
    choices = {name: domain["choices"] for name, domain in study.space("chapter").to_json().items()}
    assert choices["hidden_layers"] == (2, 4, 20)
    assert choices["activation"] == ("sigmoid", "tanh", "relu", "leaky_relu", "prelu", "elu", "selu")
    assert choices["slope"] == (0.01, 0.2)
    assert set(choices["optimizer"]) == {"sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "nadam"}
    assert set(choices["schedule"]) == {"constant", "power", "exponential", "piecewise", "performance", "one-cycle"}
    assert 0.01 in choices["l1"]
    assert 0.01 in choices["l2"]
    assert choices["dropout"] == (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)


def test_wide_has_every_optimizer_schedule_and_clipping() -> None:
    choices = {
        name: set(domain["choices"])  # type: ignore[call-overload]
        for name, domain in study.space("wide").to_json().items()
        if name in ("optimizer", "schedule", "clipping")
    }
    assert choices["optimizer"] >= {"adamax", "adadelta", "adamw"}
    assert "cosine" in choices["schedule"]
    assert choices["clipping"] == {"none", "value", "norm", "global_norm"}


def test_a_search_of_the_chapters_space_starts_from_its_guideline() -> None:
    assert study.baseline().name == "guideline"
    assert [baseline.name for baseline in study.baselines] == ["guideline", "self-normalizing"]
