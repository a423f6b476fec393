"""CUDA_VISIBLE_DEVICES and NVIDIA_VISIBLE_DEVICES, read as CUDA and the container runtime read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.fleet.gpus import restrict

A, B, C, D = FOUR = [f"GPU-{letter * 8}-0000-0000-0000-000000000000" for letter in "abcd"]
PART = "MIG-eeeeeeee-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("2", [C]),
        ("3,1", [D, B]),  # in the order wanted
        ("0, 1 ,2,3", FOUR),
        (B, [B]),
        ("GPU-bbb,GPU-a", [B, A]),  # beginnings
        (f"{C},0", [C, A]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("0,9,1", [A]),  # nothing after the first that does not exist
        ("1,-1,2", [B]),
        ("1,1", [B]),
        ("GPU-", []),  # says no more than what kind
        (PART, []),
    ],
)
def test_cuda_visible_devices_chooses_among_the_gpus(said: str, left: list[str]) -> None:
    assert restrict(FOUR, {"CUDA_VISIBLE_DEVICES": said}) == left


@pytest.mark.parametrize(
    ("said", "listed", "left"),
    [
        ("all", FOUR, FOUR),
        ("void", FOUR, FOUR),  # what the runtime writes there when it has done its work another way
        ("", FOUR, FOUR),
        ("none", FOUR, []),
        ("1,3", FOUR, [B, D]),  # no runtime heeded it: the numbers are this list's
        ("2", [C], [C]),  # one did: the container counts its only GPU as 0
        ("2,3", [C, D], [C, D]),
        (f"{B},{D}", FOUR, [B, D]),
        (f"{B},{D}", [B, D], [B, D]),
        ("0:0", [PART], [PART]),  # a part by the numbers of its GPU and itself, which only the runtime knows
    ],
)
def test_nvidia_visible_devices_chooses_among_the_gpus(said: str, listed: list[str], left: list[str]) -> None:
    assert restrict(listed, {"NVIDIA_VISIBLE_DEVICES": said}) == left


def test_cuda_visible_devices_counts_what_nvidia_visible_devices_left() -> None:
    assert restrict(FOUR, {"NVIDIA_VISIBLE_DEVICES": "1,2", "CUDA_VISIBLE_DEVICES": "1"}) == [C]
    assert restrict([B, C], {"NVIDIA_VISIBLE_DEVICES": "1,2", "CUDA_VISIBLE_DEVICES": "1"}) == [C]


@given(
    st.lists(st.sampled_from([*FOUR, PART]), unique=True),
    st.dictionaries(st.sampled_from(["NVIDIA_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"]), st.text("0123,-: GPUabMIe")),
)
def test_visible_gpus_are_listed_ones_without_duplicates(listed: list[str], environment: dict[str, str]) -> None:
    left = restrict(listed, environment)
    assert set(left) <= set(listed)
    assert len(left) == len(set(left))
    if not environment:
        assert left == listed
