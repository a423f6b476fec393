import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.errors import DefinitionError
from hpo.study import Baseline, Categorical, Domain, Fidelity, Float, Holdout, Int, KFold, ParamValue, Row, Space, Sweep

INTEGERS = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint64, np.float32, np.float64, float, int]


def of(*domains: Any, **named: Any) -> Space:
    return Space(name="s", params={f"p{number}": domain for number, domain in enumerate(domains)} | named)


def like(space: Space, other: Space) -> bool:
    same = json.dumps(space.to_json()) == json.dumps(other.to_json()) and repr(space) == repr(other)
    return same and space.fingerprint == other.fingerprint


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 5), st.tuples(*[st.sampled_from(INTEGERS)] * 3))
def test_integers_of_any_type_give_the_same_space_as_python_ints(low: int, more: int, step: int, kinds: Any) -> None:
    a, b, c = kinds
    assert like(of(Int(low=a(low), high=b(low + more), step=c(step))), of(Int(low=low, high=low + more, step=step)))


REALS = [np.float16, np.float32, np.float64, np.longdouble]


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6), st.sampled_from(REALS), st.booleans())
def test_floats_of_any_type_give_the_same_space_as_python_floats(
    low: float, more: float, kind: Any, flag: bool
) -> None:
    with np.errstate(over="ignore"):
        bounds = [kind(low), kind(low + more)]
    if not np.isfinite(bounds).all():
        with pytest.raises(DefinitionError, match=r"a Float's (low|high) must be a finite number"):
            Float(low=bounds[0], high=bounds[1])
        return
    log = np.bool_(flag and low > 0 and bounds[0] > 0)
    assert like(
        of(Float(low=bounds[0], high=bounds[1], log=log)),
        of(Float(low=float(bounds[0]), high=float(bounds[1]), log=bool(log))),
    )


WORDS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), max_size=5
)  # NumPy keeps no NUL at the end of a text
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**31), 2**31), st.floats(-1e3, 1e3), WORDS)


CONTAINERS = [tuple, list, lambda values: np.array(values, object)]


@given(st.lists(SCALARS, min_size=1, max_size=6, unique=True), st.sampled_from(CONTAINERS))
def test_choices_of_any_type_give_the_same_space_as_python_values(choices: list[Any], container: Any) -> None:
    numpys = [choice if choice is None or choice == "" else np.array(choice)[()] for choice in choices]
    given = of(Categorical(choices=container(numpys)), Int(low=1, high=2, when={"p0": container(numpys[:1])}))
    assert like(given, of(Categorical(choices=tuple(choices)), Int(low=1, high=2, when={"p0": (choices[0],)})))


@pytest.mark.parametrize(
    ("choices", "taken"),
    [
        (np.linspace(0, 1, 3), (0.0, 0.5, 1.0)),
        (np.array(["x", "y"]), ("x", "y")),
        (np.array([True, False]), (True, False)),
        (range(2, 8, 2), (2, 4, 6)),
        ([np.float32(0.5), np.str_("a"), None], (0.5, "a", None)),
    ],
)
def test_choices_may_be_a_list_a_range_or_an_array(choices: Any, taken: tuple[object, ...]) -> None:
    made = Categorical(choices=choices).choices
    assert made == taken
    assert [type(one) for one in made] == [type(one) for one in taken]


def test_a_single_value_in_a_condition_is_a_tuple_of_one() -> None:
    space = of(Categorical(choices=("auto", "none")), Int(low=1, high=2, when={"p0": ("auto")}))
    assert space.params["p1"].when == {"p0": ("auto",)}
    assert of(Int(low=1, high=3), Int(low=1, high=2, when={"p0": np.int64(2)})).params["p1"].when == {"p0": (2,)}


ONE = Categorical(choices=("auto", 3))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Int(low=1.5, high=3), "an Int's low must be a whole number, not 1.5"),
        (lambda: Int(low=1, high=None), "an Int's high must be a whole number, not None"),
        (lambda: Int(low="1", high=3), "an Int's low must be a whole number, not '1'"),
        (lambda: Int(low=True, high=3), "an Int's low must be a whole number, not True"),
        (lambda: Int(low=np.bool_(True), high=3), "an Int's low must be a whole number, not True"),
        (lambda: Int(low=float("nan"), high=3), "an Int's low must be a whole number, not nan"),
        (lambda: Int(low=1, high=float("inf")), "an Int's high must be a whole number, not inf"),
        (lambda: Int(low=1, high=3, step=True), "an Int's step must be a whole number, not True"),
        (lambda: Int(low=1, high=3, log=1), "an Int's log must be True or False, not 1"),
        (lambda: Int(low=0, high=2**63), "an Int's high must be from -2**53 to 2**53, beyond which Optuna rounds"),
        (lambda: Int(low=0, high=2.0**60), "an Int's high must be from -2**53 to 2**53, beyond which Optuna rounds"),
        (lambda: Int(low=-(2**53) - 1, high=0), "an Int's low must be from -2**53 to 2**53"),
        (lambda: Int(low=np.timedelta64(1, "s"), high=3), "an Int's low must be a whole number, not np.timedelta64"),
        (lambda: Float(low=None, high=1), "a Float's low must be a finite number, not None"),
        (lambda: Float(low="0", high=1), "a Float's low must be a finite number, not '0'"),
        (lambda: Float(low=False, high=1), "a Float's low must be a finite number, not False"),
        (lambda: Float(low=0, high=10**400), "a Float's high must be a finite number, not 1000"),
        (lambda: Float(low=0, high=1, log="yes"), "a Float's log must be True or False, not 'yes'"),
        (
            lambda: Categorical(choices=("relu")),
            "a Categorical's choices must be a tuple, not 'relu' alone: write ('relu',)",
        ),
        (lambda: Categorical(choices=b"relu"), "a Categorical's choices must be a tuple, not b'relu' alone"),
        (lambda: Categorical(choices=3), "a Categorical's choices must be a tuple, not 3 alone: write (3,)"),
        (lambda: Categorical(choices=np.array(3)), "a Categorical's choices must be a tuple, not 3 alone: write (3,)"),
        (
            lambda: Categorical(choices={"a", "b"}),
            "a set, whose order differs between processes: write tuple(sorted(…))",
        ),
        (lambda: Categorical(choices={"a": 1}), "a Categorical's choices must be a tuple, not a dict: write tuple(…)"),
        (lambda: Categorical(choices=(c for c in "ab")), "must be a tuple, not a generator: write tuple(…)"),
        (
            lambda: Categorical(choices=np.ones((2, 2))),
            "a Categorical's choices[0] must be a text, a finite number, a truth value or None, not [1.0",
        ),
        (lambda: Categorical(choices=(np.datetime64("2026-01-01"),)), "not np.datetime64('2026-01-01')"),
        (
            lambda: Int(low=1, high=2, when=[("a", 1)]),
            'an Int\'s when must be a mapping such as {"layers": (2, 3)}, not [(',
        ),
        (lambda: Int(low=1, high=2, when={"a": {1, 2}}), "an Int's when 'a' must be a tuple, not a set"),
        (lambda: Int(low=1, high=2, when={"a": ()}), "an Int's when 'a' must have a value"),
        (
            lambda: of(ONE, Int(low=1, high=2, when={"p0": "aut"})),
            "'p1' waits for 'p0' to be 'aut', which it can never be",
        ),
        (lambda: Space(name="s", params=[ONE]), "space 's': params must be a mapping such as"),
        (
            lambda: Space(name="s", params={1: ONE}),
            "space 's': params: a name must be a text that is not empty, not 1",
        ),
        (lambda: Space(name="s", params={"": ONE}), "space 's': params: a name must be a text that is not empty"),
        (
            lambda: Space(name="s", params={"a": (1, 2)}),
            "space 's': params 'a' must be a Categorical, an Int or a Float, not (1, 2)",
        ),
        (
            lambda: Space(name="s", params={"a": Int}),
            "space 's': params 'a' must be a Categorical, an Int or a Float, not <class",
        ),
        (lambda: Space(name=None, params={}), "a space's name must be a text that is not empty, not None"),
        (lambda: Baseline(name="b", title="", params=[1]), "baseline 'b': params must be a mapping such as"),
        (
            lambda: Baseline(name="b", title="", params={}, elsewhere={"w": 1}),
            "baseline 'b': elsewhere 'w' must be a mapping",
        ),
        (lambda: Fidelity(name="f", epochs=1.5), "fidelity 'f': epochs must be a whole number, not 1.5"),
        (lambda: Fidelity(name="f", epochs=True), "fidelity 'f': epochs must be a whole number, not True"),
        (
            lambda: Fidelity(name="f", epochs=1, trial_seconds="1"),
            "fidelity 'f': trial_seconds must be a finite number",
        ),
        (lambda: Holdout(rows="24"), "a Holdout's rows must be a whole number, not '24'"),
        (lambda: Holdout(rows=0.2), "a Holdout's rows must be a whole number, not 0.2"),
        (lambda: Holdout(rows=9, stratified="yes"), "a Holdout's stratified must be True or False, not 'yes'"),
        (lambda: KFold(folds=None), "a KFold's folds must be a whole number, not None"),
    ],
)
def test_an_invalid_domain_is_refused_with_the_field_named(make: Callable[[], object], words: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        make()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_value_that_cannot_be_shown_is_named_by_its_type() -> None:
    class Mute:
        def __repr__(self) -> str:
            raise RuntimeError("no words")

    with pytest.raises(DefinitionError, match="an Int's low must be a whole number, not a Mute"):
        Int(low=Mute(), high=2)


def test_whole_numbers_as_floats_are_whole() -> None:
    assert of(Int(low=1.0, high=1e3)).size == 1000
    assert of(Int(low=-(2**53), high=2**53)).size == 2**54 + 1
    fidelity = Fidelity(name="f", epochs=np.int64(3), rows=4.0, folds=np.uint8(2))
    assert repr(fidelity) == repr(Fidelity(name="f", epochs=3, rows=4, folds=2))
    assert repr((Holdout(rows=3.0), KFold(folds=np.int32(3)))) == repr((Holdout(rows=3), KFold(folds=3)))


def test_configurations_of_numpys_scalars_are_configurations_of_the_space() -> None:
    params = {"units": np.int64(3), "rate": np.float32(0.5), "kind": np.str_("a")}
    space = of(units=Int(low=1, high=4), rate=Float(low=0, high=1), kind=Categorical(choices=("a",)))
    assert space.problem(Baseline(name="b", title="", params=params).params) is None
    assert space.problem(Baseline(name="b", title="", params={}, elsewhere={"s": params}).params_in("s")) is None
    sweep = Sweep(id="t", title="", base={"rate": np.float64(0.1)}, rows=[Row(setting=params)], chosen=0)
    assert space.problem(sweep.configuration(sweep.rows[0])) is None


def test_a_space_does_not_change_with_the_mapping_it_was_given() -> None:
    params = {"a": Int(low=1, high=2)}
    space = Space(name="s", params=params)
    params["b"] = Int(low=1, high=2)
    assert list(space.params) == ["a"]


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
def test_configurations_lists_each_configuration_once(space: Space) -> None:
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
