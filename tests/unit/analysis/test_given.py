"""What users give the functions of the analysis: refused in one line of hpo's own, whatever it is."""

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from hpo.analysis import RowScores, choose, compare, examine, holm, interim_alpha, judge, rank, sentence
from hpo.analysis.parameter_importance import importances
from hpo.errors import HpoError, UsageError

GOOD = [0.5, 0.6, 0.7]

STRANGE = {
    "a text": "abc",
    "None": None,
    "texts": ["a", "b", "c"],
    "digits": ["1", "2", "3"],
    "ragged": [[1], [1, 2], [3]],
    "of two dimensions": np.ones((3, 1)),
    "a number": 7,
    "complex": [1j, 2j, 3j],
    "objects": [object(), object(), object()],
    "a mapping": {0: 1, 1: 2, 2: 3},
    "a set": {1, 2, 3},
    "empty": [],
    "missing": [None, 1, 2],
    "NaN": [float("nan"), 1, 2],
    "infinite": [float("inf"), 1, 2],
    "beyond": [1e101, 1, 2],
    "huge": [10**400, 1, 2],
    "huge and not": [10**400, 0.5, 2],
    "a generator": (value for value in GOOD),
    "a function": len,
    "a type": float,
    "bytes": b"abc",
    "sparse": sparse.csr_matrix(np.eye(3)),
    "dates": np.array(["2026-01-01"] * 3, "datetime64[D]"),
    "a date": [datetime.date(2026, 1, 1)] * 3,
    "a series with NA": pd.Series([1, None, 3], dtype="Int64"),
    "a frame": pd.DataFrame({"x": GOOD, "y": GOOD}),
    "a structure": np.zeros(3, [("x", float)]),
    "masked": np.ma.masked_array(GOOD, [False, True, False]),
}


@pytest.mark.parametrize("what", STRANGE)
@pytest.mark.parametrize("side", ["a", "b"])
def test_invalid_scores_are_refused_in_one_line(what: str, side: str) -> None:
    given = {"a": GOOD, "b": GOOD, side: STRANGE[what]}
    with pytest.raises(UsageError) as refused:
        compare(given["a"], given["b"])
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    "scores",
    [
        np.ma.masked_array(GOOD),
        np.array(GOOD, np.float16),
        np.array([1, 2, 3], np.uint8),
        [True, False, True],
        tuple(GOOD),
        range(3),
        pd.Series(GOOD, index=[7, 8, 9]),
        np.array(GOOD, object),
    ],
)
def test_scores_in_any_array_like_form_are_accepted(scores: Any) -> None:
    assert compare(scores, scores).difference == 0


BAD = (object(), "x", [], {}, None, float("nan"), True, 1j, -1, 10**400, b"x")


def _takes(value: object, *those: object) -> bool:
    return any(value is one or (type(value) is type(one) and value == one) for one in those)


CALLS: dict[str, tuple[Callable[[Any], object], tuple[object, ...]]] = {  # and which of BAD are good there
    "compare direction": (lambda value: compare(GOOD, GOOD, direction=value), ()),
    "compare margin": (lambda value: compare(GOOD, GOOD, margin=value), (None,)),
    "compare alpha": (lambda value: compare(GOOD, GOOD, alpha=value), ()),
    "compare test_share": (lambda value: compare(GOOD, GOOD, test_share=value), (None,)),
    "compare seed": (lambda value: compare(GOOD, GOOD, seed=value), ()),
    "holm": (holm, ([],)),
    "holm of one": (lambda value: holm([value]), ()),
    "interim_alpha number": (interim_alpha, ()),
    "interim_alpha total": (lambda value: interim_alpha(1, value), ()),
    "choose": (lambda value: choose(value, "maximize"), ()),
    "choose of rows": (lambda value: choose({0: value}, "maximize"), ()),
    "choose direction": (lambda value: choose({0: GOOD}, value), ()),
    "rank": (lambda value: rank(value, direction="maximize"), ()),
    "rank direction": (lambda value: rank([], direction=value), ()),
    "examine": (lambda value: examine(value, {}, direction="maximize", against_report=True), ([],)),
    "examine measured": (lambda value: examine([], value, direction="maximize", against_report=True), ({},)),
    "examine alpha": (lambda value: examine([], {}, direction="maximize", against_report=True, alpha=value), ()),
    "examine against": (lambda value: examine([], {}, direction="maximize", against_report=value), (True,)),
    "judge": (lambda value: judge(value, [], direction="maximize"), ([],)),
    "judge tables": (lambda value: judge([], value, direction="maximize"), ([],)),
    "judge margin": (lambda value: judge([], [], direction="maximize", margin=value), (None,)),
    "sentence": (lambda value: sentence(value, metric="mae"), ()),
    "sentence metric": (lambda value: sentence(compare(GOOD, GOOD), metric=value), ("x",)),
    "importances": (lambda value: importances(value, {}, direction="maximize"), ([],)),
    "importances seed": (lambda value: importances([], {}, direction="maximize", seed=value), ()),
    "RowScores": (lambda value: RowScores(figures={"test": value}), ([],)),
}


@pytest.mark.parametrize("name", CALLS)
def test_every_argument_is_checked(name: str) -> None:
    call, good = CALLS[name]
    for value in BAD:
        if not _takes(value, *good):
            with pytest.raises(HpoError) as refused:
                call(value)
            assert "\n" not in str(refused.value)
