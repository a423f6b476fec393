"""What a comparison found, as one record that a storage keeps and a page tells."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hpo.analysis import Comparison, RaceFinding
from hpo.experiments.compare.budget import Budget
from hpo.experiments.compare.interim_analyses import InterimAnalysis
from hpo.study import Params

__all__ = ["Claimed", "CompareReport", "Heat", "Scores", "Side"]


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two configurations compared."""

    name: str  # "trial 76" or the baseline's name
    number: int | None  # Optuna's number of its trial in the search; None: it was not tried there
    params: Params  # as the search's space writes it
    value: float | None  # the search's own value of it, on validation rows; None: not complete there


@dataclass(frozen=True, kw_only=True)
class Heat:
    """One heat of the race: the same validation rows for all, never a test row."""

    fidelity: str
    rounds: int  # common splits; each racer has a score in each
    finding: RaceFinding
    dropped: tuple[str, ...] = ()  # who gave no score in some round and is therefore out, each with the reason


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The paired scores a verdict rests on: entry i of both sides shares rows, initial seed and batch order."""

    optimum: tuple[float, ...]  # (pairs,) the metric on test rows
    baseline: tuple[float, ...]  # (pairs,)
    lost: tuple[str, ...] = ()
    # pairs in which a side gave no score, in words; its score there is the worst of all scores, so the pair is lost


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """What the report says of the baseline beside what it gives when trained as the report says."""

    reported: Mapping[str, Decimal]  # figure name (train, test, seconds) -> as printed
    measured: Mapping[str, tuple[float, ...]]  # figure name -> one a repeat


@dataclass(frozen=True, kw_only=True)
class CompareReport:
    """Whether the optimum of a search beats the hand-picked configuration, and by how much."""

    study: str  # name of the search
    definition: str
    space: str
    metric: str
    unit: str  # of the metric; may be empty
    direction: str  # maximize or minimize
    search_fidelity: str
    fidelity: str  # of the final
    baseline: Side
    optimum: Side
    heats: tuple[Heat, ...]
    rows: str  # what the verdict is about: "share" (the definition's test rows) or "resampled" (rows drawn anew)
    comparison: Comparison  # the verdict: does the optimum beat the baseline?
    scores: Scores
    resampled: Comparison | None  # the second line, about the task rather than one test set; None: there is none
    resampled_scores: Scores | None
    interim_analyses: tuple[InterimAnalysis, ...]  # of this search, oldest first, this one included; both kinds of rows
    budget: Budget
    claimed: Claimed | None  # None: the definition has no table with the baseline in it

    def shortfall(self, wanted: str) -> str | None:
        """Why this is not the verdict `wanted`, in words; None where it is.

        An optimum that gave no score in some pair is no better choice, however good the other pairs are: as in the
        race, what trains only sometimes is no optimum.
        """
        if self.comparison.verdict != wanted:
            return f"the verdict is {self.comparison.verdict}, and --require {wanted} asks for another"
        lost = [pair for pair in self.scores.lost if pair.startswith(f"{self.optimum.name}, pair ")]
        if wanted != "better" or not lost:
            return None
        pairs = f"{len(lost)} of {self.comparison.pairs} pairs"
        return f"--require better asks for an optimum that trains, and it gave no score in {pairs}: {lost[0]}"

    def to_json(self) -> dict[str, Any]:
        """What `hpo compare --json` prints: the verdict's figures at the top level, then the rest."""
        verdict = _plain(self.comparison)
        del verdict["resampled"]  # `rows` says it, and the second line has that name
        rest = {field.name: _plain(getattr(self, field.name)) for field in fields(self) if field.name != "comparison"}
        first = {name: rest.pop(name) for name in ("study", "baseline", "optimum")}
        return {**first, **verdict, **rest}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "CompareReport":
        """The report that `to_json` wrote."""
        known = {**document, "resampled": document["rows"] == "resampled"}
        its = {field.name: known[field.name] for field in fields(Comparison)}
        report: CompareReport = _decode(cls, {**document, "comparison": its})
        return report


def _plain(value: Any) -> Any:
    """`value` in the types of JSON; a Decimal stays text, so that its digits survive."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, Decimal):
        return str(value)
    return value


def _decode(kind: Any, value: Any) -> Any:
    """A record of type `kind`, or a part of one, from what `plain` made of it.

    Raises:
        KeyError, TypeError, ValueError: it is no such record.

    """
    origin = get_origin(kind)
    if kind is Any or origin is Literal or kind in (str, int, bool, NoneType, object):
        return value
    if origin in (Union, UnionType):
        if value is None:
            return None
        return _any_of([choice for choice in get_args(kind) if choice is not NoneType], value)
    if kind is float:
        return float(value)
    if kind is Decimal:
        return Decimal(str(value))
    if origin is tuple:
        return _tuple(get_args(kind), value)
    if origin is not None and issubclass(origin, Mapping):
        return {name: _decode(get_args(kind)[1], entry) for name, entry in value.items()}
    return _record(kind, value)


def _record(kind: Any, value: Mapping[str, Any]) -> Any:
    hints = get_type_hints(kind)
    return kind(**{field.name: _decode(hints[field.name], value[field.name]) for field in fields(kind)})


def _tuple(kinds: tuple[Any, ...], value: list[Any]) -> tuple[Any, ...]:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_decode(kinds[0], entry) for entry in value)
    return tuple(_decode(kind, entry) for kind, entry in zip(kinds, value, strict=True))


def _any_of(kinds: list[Any], value: Any) -> Any:
    """A value of a union: of plain types it is as it is; otherwise there is one kind it can be."""
    return _decode(kinds[0], value) if len(kinds) == 1 else value
