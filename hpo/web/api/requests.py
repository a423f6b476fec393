"""What a request for an operation may say: the records its query and its body are read into, and nothing besides."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, with_config

from hpo.errors import UsageError
from hpo.storage.schema import LONGEST_NAME
from hpo.storage.slots.slots import MAX_SLOTS

__all__ = ["CompareBody", "Nothing", "PageQuery", "StopBody", "SubmitBody", "read_body", "read_query"]

_EXACT = ConfigDict(extra="forbid", strict=True, str_max_length=LONGEST_NAME)
_LAST = 2**31 - 1  # number a trial can have
_MOST = 1000  # trials of a page


def _whole(given: object) -> object:
    """A number without a fraction is a whole one to JSON Schema, however it is written: 60.0 is 60."""
    return int(given) if isinstance(given, float) and given.is_integer() else given


_WHOLE = BeforeValidator(_whole)  # last, so that the limits stand in the schema
_Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]


@with_config(_EXACT)
@dataclass(frozen=True, kw_only=True)
class Nothing:
    """Of an operation that asks for nothing."""


@with_config(_EXACT)
@dataclass(frozen=True, kw_only=True)
class PageQuery:
    """Which trials."""

    offset: Annotated[int, Field(ge=0, le=_LAST, description="number of the first trial"), _WHOLE] = 0
    limit: Annotated[int, Field(ge=1, le=_MOST, description="trials at the most"), _WHOLE] = 100


@with_config(_EXACT)
@dataclass(frozen=True, kw_only=True)
class SubmitBody:
    """A search for the workers of a fleet, as `hpo submit` takes it."""

    definition: Annotated[_Name, Field(description="a definition of the server, by its name in /definitions")]
    trials: Annotated[int, Field(ge=1, le=MAX_SLOTS, description="of the study in all, those it has included"), _WHOLE]
    space: Annotated[_Name | None, Field(description="default: the definition's first")] = None
    fidelity: Annotated[_Name | None, Field(description="the one to stay on; default: it climbs")] = None
    name: Annotated[_Name | None, Field(description="of the study; default: DEFINITION-SPACE, -FIDELITY")] = None


@with_config(_EXACT)
@dataclass(frozen=True, kw_only=True)
class CompareBody:
    """A comparison for the workers of a fleet."""

    pairs: Annotated[
        int, Field(ge=1, le=10_000, description="paired trainings in all, those there are included"), _WHOLE
    ] = 12


@with_config(_EXACT)
@dataclass(frozen=True, kw_only=True)
class StopBody:
    """How a study is stopped."""

    now: Annotated[bool, Field(description="give back what is in hand, to be tried again")] = False
    why: Annotated[str | None, Field(max_length=500, description="the reason, for those who wonder")] = None


def read_query(record: type, given: Mapping[str, list[str]]) -> Any:
    """The query as that record. Raises UsageError, which names what is wrong."""
    twice = [name for name, values in given.items() if len(values) > 1]
    if twice:
        raise UsageError(f"{twice[0]!r:.80} is given more than once: give it once")
    try:
        return TypeAdapter(record).validate_strings({name: values[0] for name, values in given.items()}, strict=False)
    except ValidationError as error:
        raise _wrong(error) from None


def read_body(record: type, given: bytes) -> Any:
    """The body as that record; one that is empty says nothing. Raises UsageError, which names what is wrong."""
    try:
        return TypeAdapter(record).validate_json(given or b"{}")
    except ValidationError as error:
        raise _wrong(error) from None


def _wrong(error: ValidationError) -> UsageError:
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part)[:80] for part in first["loc"]) or "the request"
    if first["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return UsageError(f"there is no {where!r} here: leave it out")
    if first["type"] in ("missing", "missing_argument", "missing_keyword_only_argument"):
        return UsageError(f"{where} is missing")
    what = first["msg"]
    shown = f" {first['input']!r:.80}" if isinstance(first["input"], str | int | float | bool) else ""
    return UsageError(f"{where}{shown}: {what[:1].lower()}{what[1:]}")
