"""How a configuration is judged during a search, and how much work that is: on development rows, never on test rows.

What the splits mean is scikit-learn's: which record says which of its splitters stands in docs/definitions.md.
"""

from dataclasses import dataclass, field, fields
from typing import Annotated, Any, ClassVar

from hpo.errors import DefinitionError
from hpo.messages import one_line
from hpo.study.checked_records import Count, Least, Name, Positive, Whole, check
from hpo.study.value_checks import keep, shown, whole

__all__ = [
    "ByObjective",
    "Evaluation",
    "Fidelity",
    "GroupHoldout",
    "Holdout",
    "KFold",
    "OwnSplits",
    "TimeSeriesSplit",
    "ValidationData",
    "as_evaluation",
]

_LATER = {"later": True}  # of a field that came later: unless it says something, the version is the one it always was

_IN_TIME = "the rows are in order of time, and a training would know what came after its test"


class _Judged:
    """What the rest of hpo asks of an evaluation, whatever its kind."""

    stratified: ClassVar[bool] = False  # splits keep the share of each class
    grouped: ClassVar[bool] = False  # splits keep the rows of a group together
    ordered: ClassVar[bool] = False  # rows are in order of time, and what is trained on comes before what is judged by
    folded: ClassVar[bool] = True  # there are several trainings, one a fold
    redrawn: ClassVar[bool] = False  # rows are cut anew for each trial
    fixed: ClassVar[str] = ""  # why development and test rows must not be mixed and divided anew; "": they may be

    def trainings(self, folds: int | None = None) -> int:  # noqa: ARG002 - of those that have folds
        """How many trainings one trial has.

        Args:
            folds: as a fidelity says; None: as the evaluation does.

        """
        return 1

    def trained(self, rows: int, folds: int | None = None) -> int | None:  # noqa: ARG002
        """On how many rows a training is; of folds that differ by a row, the most; None where the split itself tells.

        Args:
            rows: how many development rows there are.
            folds: as a fidelity says; None: as the evaluation does.

        """
        return None

    def __repr__(self) -> str:
        said = [
            f"{one.name}={getattr(self, one.name)!r}"
            for one in fields(self)  # type: ignore[arg-type] # of those that are records
            if one.repr and not ("later" in one.metadata and getattr(self, one.name) == one.default)
        ]
        return f"{type(self).__name__}({', '.join(said)})"


@dataclass(frozen=True, kw_only=True, repr=False)
class Holdout(_Judged):
    """Train on some of the development rows and score on `rows` others, the same for every trial of a study.

    Raises:
        DefinitionError: fewer than 1 row, or the last rows are to keep the share of each class.

    """

    folded: ClassVar[bool] = False  # there is one training

    rows: Whole  # validation rows
    stratified: bool = False  # type: ignore[misc] # keep the share of each class, for a classification
    last: bool = field(
        default=False, metadata=_LATER
    )  # the last rows and no drawn ones, where they are in order of time

    def __post_init__(self) -> None:
        check(self)
        if self.last and self.stratified:
            raise DefinitionError("a Holdout of the last rows cannot be stratified too: which they are, time decides")

    @property
    def ordered(self) -> bool:  # type: ignore[override]
        """Whether rows are in order of time."""
        return self.last

    @property
    def fixed(self) -> str:  # type: ignore[override]
        """Why rows are not divided anew."""
        return _IN_TIME if self.last else ""

    def trained(self, rows: int, folds: int | None = None) -> int:  # noqa: ARG002
        """All others."""
        return rows - self.rows


@dataclass(frozen=True, kw_only=True, repr=False)
class GroupHoldout(_Judged):
    """Score on the rows of `groups` groups and train on those of the others, the same for every trial of a study.

    Of which group a row is, `Rows.groups` says.

    Raises:
        DefinitionError: fewer than 1 group.

    """

    grouped: ClassVar[bool] = True  # `Rows.groups` says what belongs together
    folded: ClassVar[bool] = False  # there is one training

    groups: Whole  # validation groups

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, kw_only=True, repr=False)
class KFold(_Judged):
    """k-fold cross-validation on the development rows, cut anew for each trial (arXiv 2405.15393).

    Raises:
        DefinitionError: fewer than 2 folds, or fewer than 1 repeat.

    """

    redrawn: ClassVar[bool] = True  # each trial has folds of its own

    folds: Annotated[int, Least(2)] = 5  # unless the fidelity says otherwise
    stratified: bool = field(default=False, metadata=_LATER)  # type: ignore[misc] # keep the share of each class
    grouped: bool = field(default=False, metadata=_LATER)  # type: ignore[misc] # keep groups together: `Rows.groups`
    repeats: Whole = field(default=1, metadata=_LATER)  # how often the rows are cut into folds; the value is the mean

    def __post_init__(self) -> None:
        check(self)

    def trainings(self, folds: int | None = None) -> int:
        """One a fold, of each repeat."""
        return (folds or self.folds) * self.repeats

    def trained(self, rows: int, folds: int | None = None) -> int | None:
        """All but those of the smallest fold."""
        return None if self.grouped else rows - rows // (folds or self.folds)


@dataclass(frozen=True, kw_only=True, repr=False)
class TimeSeriesSplit(_Judged):
    """Folds of rows in order of time, the earliest first; each is judged on the rows that follow those it trains on.

    Raises:
        DefinitionError: fewer than 2 folds, or than 1 row.

    """

    ordered: ClassVar[bool] = True  # the earliest row comes first
    fixed: ClassVar[str] = _IN_TIME  # why test rows are not drawn anew

    folds: Annotated[int, Least(2)] = 5  # unless the fidelity says otherwise
    gap: Count = 0  # rows left out between those trained on and those judged by
    rows: Whole | None = None  # validation rows of each fold; None: development rows // (folds + 1)
    train_rows: Whole | None = None  # the latest at the most that a fold trains on; None: all before

    def __post_init__(self) -> None:
        check(self)

    def trainings(self, folds: int | None = None) -> int:
        """One a fold."""
        return folds or self.folds


@dataclass(frozen=True, kw_only=True, repr=False)
class OwnSplits(_Judged):
    """Splits of somebody's own, the same for every trial of a study.

    `StudyDefinition.evaluation` takes a splitter as it is, too.

    Raises:
        DefinitionError: it is no splitter, or how many folds it has is not known.

    """

    fixed: ClassVar[str] = "the splits are its own, and nobody else knows which rows may be apart"  # as above

    splitter: Any = field(repr=False)
    # scikit-learn's kind: split(x, y, groups) gives (train, validation) row numbers for each fold; or such a function
    folds: Whole | None = None  # how many it gives; None: as its get_n_splits says

    def __post_init__(self) -> None:
        check(self)
        splitter = self.splitter
        if isinstance(splitter, type) or not (callable(splitter) or callable(getattr(splitter, "split", None))):
            raise DefinitionError(
                f"an OwnSplits's splitter is {shown(splitter)}: give what has split(x, y, groups), such as "
                "sklearn.model_selection.LeaveOneGroupOut(), or a function of the three"
            )
        if self.folds is None:
            keep(self, folds=self._told())

    @property
    def said(self) -> str:
        """What a version is made of, the same in every process: the splitter's class or name, and its numbers."""
        named = self.splitter if hasattr(self.splitter, "__qualname__") else type(self.splitter)
        held = {
            name: value
            for name, value in sorted(getattr(self.splitter, "__dict__", {}).items())
            if isinstance(value, str | int | float | bool | None)
        }
        return f"{named.__module__}.{named.__qualname__} {held}"

    def __repr__(self) -> str:
        return f"OwnSplits({self.said}, folds={self.folds})"

    def trainings(self, folds: int | None = None) -> int:  # noqa: ARG002 - it gives as many as it gives
        """One for each pair it gives."""
        assert self.folds is not None  # or it would have been refused
        return self.folds

    def _told(self) -> int:
        try:
            return whole(self.splitter.get_n_splits(), "an OwnSplits's get_n_splits()")
        except DefinitionError:
            raise
        except Exception as error:  # it has no such method, or needs to see the rows first
            raise DefinitionError(
                f"how many folds the splits of {shown(self.splitter)} are is not known before ({one_line(error)}): "
                "give OwnSplits(splitter=..., folds=...)"
            ) from None


@dataclass(frozen=True, kw_only=True, repr=False)
class ValidationData(_Judged):
    """Train on all training data and score on validation data that `data()` gives apart.

    Streams are judged so, as nobody can split them by rows.

    Raises:
        DefinitionError: a field that a class derived from this one adds is not of its kind.

    """

    folded: ClassVar[bool] = False  # there is one training
    fixed: ClassVar[str] = "they are streamed"  # why its rows cannot be drawn anew

    def __post_init__(self) -> None:
        check(self)


Evaluation = Holdout | GroupHoldout | KFold | TimeSeriesSplit | OwnSplits | ValidationData
"""How a search judges a configuration, on what is for development alone."""


def as_evaluation(given: Any) -> Any:
    """An evaluation as it is; a splitter of scikit-learn's kind as splits of one's own. Raises DefinitionError."""
    if isinstance(given, _Judged | type | str | bytes) or not callable(getattr(given, "split", None)):
        return given
    return OwnSplits(splitter=given)


@dataclass(frozen=True, kw_only=True)
class ByObjective:
    """An objective of somebody's own judges a configuration, on whatever rows it likes: nobody else knows which."""

    folded: ClassVar[bool] = False  # there is one training
    redrawn: ClassVar[bool] = False
    fixed: ClassVar[str] = ""

    def __post_init__(self) -> None:
        check(self)

    def trainings(self, folds: int | None = None) -> int:  # noqa: ARG002 - as an `Evaluation`
        """One call."""
        return 1


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """One amount of work; the first one a definition declares is what a search uses unless told otherwise.

    Raises:
        DefinitionError: its name is no text, a number is none, there are fewer than 1 epoch or row, or than 2 folds.

    """

    name: Name  # short: what `--fidelity` takes
    epochs: Whole  # passes over the training rows
    rows: Whole | None = None  # training rows of one evaluation; None: all there are
    folds: Annotated[int, Least(2)] | None = None  # folds of a cross-validation; None: as the evaluation says
    steps: Whole | None = field(default=None, repr=False)  # of streams, batches of an epoch; None: all there are
    trial_seconds: Positive | None = None  # one trial of a search on one core, on average; for "about how long"

    def __post_init__(self) -> None:
        check(self)
