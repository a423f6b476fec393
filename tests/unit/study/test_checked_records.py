from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import pytest

from hpo.errors import DataError, DefinitionError, UsageError
from hpo.study.checked_records import Above, AnyFloat, Below, Count, Least, Most, Name, Share, Whole, arguments, check

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class Part:
    """A record in another."""

    size: Whole = 1

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, kw_only=True)
class Everything:
    """A field of every type."""

    name: Name = "all"
    whole: int = 1
    count: Count = 0
    number: float = 0.5
    share: Share = 0.5
    open: Annotated[float, Above(0), Below(1)] = 0.5
    closed: Annotated[int, Least(2), Most(3)] = 2
    any: AnyFloat = 0.0
    flag: bool = False
    text: str = ""
    kind: Literal["a", "b"] = "a"
    path: Path | None = None
    digits: Decimal = Decimal(0)
    function: Callable[[], int] = int
    part: Part | None = None
    parts: tuple[Part, ...] = ()
    pair: tuple[float, str] = (1.0, "")
    by_name: Mapping[str, tuple[Count, ...]] = None  # type: ignore[assignment]
    model: "keras.Model | None" = None

    def __post_init__(self) -> None:
        if self.by_name is None:
            object.__setattr__(self, "by_name", {})
        check(self, kind="thing")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, "a thing's name must be a text that is not empty, not ''"),
        ({"name": "a\nb"}, r"a thing's name must be one line without control characters, not 'a\nb'"),
        ({"whole": True}, "thing 'all': whole must be a whole number, not True"),
        ({"whole": 10**400}, "thing 'all': whole must be a whole number of 64 bits, not 1" + "0" * 59),
        ({"count": -1}, "thing 'all': count must be 0 or more, not -1"),
        ({"number": float("inf")}, "thing 'all': number must be a finite number, not inf"),
        ({"share": 1.1}, "thing 'all': share must be 1 or less, not 1.1"),
        ({"open": 0}, "thing 'all': open must be above 0, not 0"),
        ({"open": 1}, "thing 'all': open must be below 1, not 1"),
        ({"closed": 4}, "thing 'all': closed must be 3 or less, not 4"),
        ({"any": "x"}, "thing 'all': any must be a finite number, not 'x'"),
        ({"flag": 1}, "thing 'all': flag must be True or False, not 1"),
        ({"text": "\ud800"}, r"thing 'all': text must be a text of Unicode characters without NUL, not '\ud800'"),
        ({"kind": "c"}, "thing 'all': kind must be one of a, b, not 'c'"),
        ({"path": 7}, "thing 'all': path must be the path of a file, not 7"),
        ({"digits": 0.1}, "thing 'all': digits must be a finite Decimal such as Decimal('0.910'), not 0.1"),
        ({"function": 7}, "thing 'all': function must be a function, not 7"),
        ({"part": 7}, "thing 'all': part must be a Part, not 7"),
        ({"parts": Part()}, "thing 'all': parts must be a tuple, not one Part alone: write (…,)"),
        ({"parts": (Part(), 7)}, "thing 'all': parts must be Part records, and one is 7"),
        ({"pair": (1.0,)}, "thing 'all': pair must be 2 values, not (1.0,)"),
        ({"pair": (1.0, 2)}, "thing 'all': pair[1] must be a text, not 2"),
        ({"by_name": {"a": (1, -1)}}, "thing 'all': by_name 'a'[1] must be 0 or more, not -1"),
        ({"by_name": {1: ()}}, "thing 'all': by_name: a name must be a text, not 1"),
    ],
)
def test_a_field_that_violates_its_annotation_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        Everything(**fields)
    assert str(refused.value) == said


def test_numpy_scalars_are_stored_as_python_values() -> None:
    made = Everything(
        name=np.str_("n"),
        whole=np.int8(3),
        number=np.float32(0.5),
        flag=np.bool_(True),
        any=np.float64("nan"),
        by_name={"a": np.array([1, 2])},
        pair=[np.float16(1), "x"],
        model=object(),  # Keras is no module here, so what it is nobody looks at
    )
    assert [type(value) for value in (made.name, made.whole, made.number, made.flag)] == [str, int, float, bool]
    assert made.by_name == {"a": (1, 2)}
    assert made.pair == (1.0, "x")


def test_a_record_check_raises_the_requested_error_class() -> None:
    @dataclass(frozen=True)
    class Rowed:
        rows: Whole

        def __post_init__(self) -> None:
            check(self, error=DataError)

    with pytest.raises(DataError, match="a Rowed's rows must be 1 or more, not 0"):
        Rowed(0)


def test_checked_functions_convert_and_check_their_arguments() -> None:
    @arguments(UsageError)
    def mean(values: Sequence[float], *, weight: Whole = 1) -> float:
        return weight * sum(values) / len(values)

    assert mean(np.array([1.0, 3.0]), weight=np.int64(2)) == 4.0
    with pytest.raises(UsageError, match=r"^values\[1\] must be a finite number, not 'x'$"):
        mean([1.0, "x"])
    with pytest.raises(UsageError, match=r"^weight must be 1 or more, not 0$"):
        mean([1.0], weight=0)
    with pytest.raises(UsageError, match=r"^values must be a tuple, not a generator: write tuple\(…\)$"):
        mean(value for value in (1.0,))
