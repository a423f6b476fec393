import dataclasses

import pytest

from hpo.errors import DefinitionError
from hpo.study import Claim, Contrast, StudyDefinition
from studies.cnn import study as cnn


def with_claims(*claims: Claim) -> StudyDefinition:
    return dataclasses.replace(cnn, claims=claims)


def test_a_contrast_is_described_with_rows_counted_from_one() -> None:
    one = Contrast(sweep="layers", figure="gap", rows=(2,), relation="higher", than=(0, 1))
    assert str(one) == "layers: gap between train and test of row 3 higher than that of rows 1, 2"
    alike = Contrast(sweep="loss", figure="test", rows=(1,), relation="alike", than=(0,))
    assert str(alike) == "loss: test of row 2 like that of row 1"


def test_contrast_each_makes_one_contrast_per_row() -> None:
    found = Contrast.each(sweep="s", figure="test", rows=(1, 3), relation="lower", than=(0,))
    assert [(c.rows, c.relation, c.than) for c in found] == [((1,), "lower", (0,)), ((3,), "lower", (0,))]


@pytest.mark.parametrize(("rows", "than"), [((), (0,)), ((0,), ()), ((0, 1), (1,)), ((0, 0), (1,))])
def test_sides_without_rows_or_with_a_row_twice_are_refused(rows: tuple[int, ...], than: tuple[int, ...]) -> None:
    with pytest.raises(DefinitionError, match="needs rows on both sides"):
        Contrast(sweep="s", figure="test", rows=rows, relation="higher", than=than)


def test_a_claim_of_alike_seconds_is_refused() -> None:
    with pytest.raises(DefinitionError, match="higher or lower of seconds"):
        Contrast(sweep="s", figure="seconds", rows=(0,), relation="alike", than=(1,))


@pytest.mark.parametrize(
    ("sweep", "row", "message"),
    [
        ("nowhere", 0, "a sweep 'nowhere'"),
        ("layers", 3, "row 3 of sweep 'layers'"),
        ("layers", -1, "0 or more, not -1"),
    ],
)
def test_a_claim_about_a_missing_sweep_or_row_is_refused(sweep: str, row: int, message: str) -> None:
    def about() -> Contrast:
        return Contrast(sweep=sweep, figure="test", rows=(row,), relation="higher", than=(1,))

    with pytest.raises(DefinitionError, match=message):
        with_claims(Claim(id="c", text="", source="", contrasts=(about(),)))


def test_claims_of_one_name_are_refused() -> None:
    claim = Claim(id="c", text="", source="A.1")
    with pytest.raises(DefinitionError, match="two of its claim entries named 'c'"):
        with_claims(claim, claim)


@pytest.mark.parametrize("margin", [0.0, -0.1, float("nan"), float("inf")])
def test_a_margin_is_above_zero(margin: float) -> None:
    with pytest.raises(DefinitionError, match=r"margin must be (above 0|a finite number)"):
        dataclasses.replace(cnn, margin=margin)
    assert dataclasses.replace(cnn, margin=None).margin is None


def test_layered_must_name_sweeps_of_the_definition() -> None:
    with pytest.raises(DefinitionError, match="layered names a sweep 'nowhere', which there is not; there are: "):
        dataclasses.replace(cnn, layered=("nowhere",))
