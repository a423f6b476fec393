import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.errors import DefinitionError
from hpo.study import Categorical, Domain, Float, Int, ParamValue, Space


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """Up to five finite parameters, each of the later ones conditional on some of the earlier."""
    params: dict[str, Domain] = {}
    for number in range(draw(st.integers(1, 5))):
        when: dict[str, tuple[ParamValue, ...]] = {}
        for parent, domain in params.items():
            if draw(st.booleans()) and draw(st.booleans()):
                values = (
                    domain.choices if isinstance(domain, Categorical) else tuple(range(domain.low, domain.high + 1))
                )
                when[parent] = tuple(draw(st.lists(st.sampled_from(values), min_size=1, unique=True)))
        if draw(st.booleans()):
            low = draw(st.integers(-2, 2))
            params[f"p{number}"] = Int(low=low, high=low + draw(st.integers(0, 3)), when=when)
        else:
            choices = draw(st.lists(st.sampled_from(["a", "b", None, 0.5, True]), min_size=1, max_size=3, unique=True))
            params[f"p{number}"] = Categorical(choices=tuple(choices), when=when)
    return Space(name="s", params=params)


@given(spaces())
def test_the_configurations_are_all_there_are_each_once(space: Space) -> None:
    found = list(space.configurations())
    assert len(found) == space.size
    assert len({tuple(sorted((name, repr(v)) for name, v in params.items())) for params in found}) == len(found)
    assert all(space.problem(params) is None for params in found)


@given(spaces(), st.data())
def test_a_broken_configuration_has_a_problem_that_names_the_parameter(space: Space, data: st.DataObject) -> None:
    params = data.draw(st.sampled_from(list(space.configurations())))
    name = data.draw(st.sampled_from(list(space.params)))
    if name in params:
        missing = {key: value for key, value in params.items() if key != name}
        outside = {**params, name: "nowhere"}
        assert name in (space.problem(missing) or "")
        assert name in (space.problem(outside) or "")
    else:
        assert name in (space.problem({**params, name: 0}) or "")
    assert "stranger" in (space.problem({**params, "stranger": 1}) or "")


@given(spaces(), spaces())
def test_fingerprints_agree_where_spaces_do(one: Space, other: Space) -> None:
    assert (one.fingerprint == other.fingerprint) == (repr(one.params) == repr(other.params))


def test_a_huge_space_is_counted_at_once() -> None:
    huge = Space(
        name="s",
        params={
            "a": Int(low=1, high=10**9),
            "b": Int(low=1, high=10**9, when={"a": (5, 6)}),
            "c": Categorical(choices=("x", "y")),
        },
    )
    assert huge.size == ((10**9 - 2) + 2 * 10**9) * 2


def test_a_continuous_space_has_no_size_and_no_list() -> None:
    space = Space(name="s", params={"a": Float(low=0, high=1)})
    assert space.size is None
    with pytest.raises(DefinitionError, match="continuous"):
        next(space.configurations())


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"a": Int(low=1, high=2, when={"b": (1,)}), "b": Int(low=1, high=2)}, "not declared above"),
        ({"a": Int(low=1, high=2, when={"a": (1,)})}, "not declared above"),
        ({"a": Int(low=1, high=2), "b": Int(low=1, high=2, when={"a": (3,)})}, "can never be"),
    ],
)
def test_a_condition_that_can_never_hold_is_refused(params: dict[str, Domain], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        Space(name="s", params=params)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Categorical(choices=()),
        lambda: Categorical(choices=("a", "a")),
        lambda: Categorical(choices=(1, 1.0)),
        lambda: Categorical(choices=(1, True)),
        lambda: Categorical(choices=((1, 2), (3, 4))),
        lambda: Categorical(choices=(float("nan"),)),
        lambda: Int(low=2, high=1),
        lambda: Int(low=1, high=9, step=0),
        lambda: Int(low=0, high=9, log=True),
        lambda: Int(low=1, high=9, log=True, step=2),
        lambda: Float(low=1.0, high=0.0),
        lambda: Float(low=0.0, high=1.0, log=True),
        lambda: Float(low=0.0, high=float("inf")),
        lambda: Float(low=float("nan"), high=1.0),
    ],
)
def test_a_domain_that_holds_nothing_or_cannot_be_searched_is_refused(make: object) -> None:
    with pytest.raises(DefinitionError):
        make()
