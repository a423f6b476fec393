"""Interim analyses of growing data, looks for short: each spends some of the error rate that all of one search share.

Those of the definition's test rows and those of rows drawn anew answer two questions and are counted apart. Another
optimum, another baseline or another fidelity is an interim analysis like more pairs is: whatever is tried until
something comes out better counts.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from hpo.analysis import DECIDING_PAIRS, Comparison, interim_alpha
from hpo.storage import Storage, schema
from hpo.storage.json_columns import parsed
from hpo.storage.studies import StudyRecord

__all__ = ["InterimAnalysis", "conclude", "history", "last_document", "take"]

_ABOUT = ("rows", "baseline", "fidelity", "optimum", "pairs")


@dataclass(frozen=True, kw_only=True)
class InterimAnalysis:
    """One interim analysis of the pairs of a search. The same pairs again are the same one."""

    number: int  # from 1 among the looks at this kind of rows; 0: fewer than six pairs, which spends nothing
    rows: str  # share or resampled
    baseline: str  # name
    fidelity: str
    optimum: str  # digest of the configuration
    pairs: int
    alpha: float  # what this look may spend
    p_value: float | None  # None: the comparison was stopped before it was told
    verdict: str  # better, worse, equivalent, undecided, unreliable; empty where it was not told
    looked_at: float  # seconds since 1970

    @property
    def about(self) -> dict[str, str | int]:
        """What it is an analysis of, by column: of the same there is one."""
        return {name: getattr(self, name) for name in _ABOUT}


def take(
    storage: Storage, record: StudyRecord, *, rows: str, baseline: str, fidelity: str, optimum: str, pairs: int
) -> InterimAnalysis:
    """The look at these pairs: the one taken before, or the next one. Of several processes exactly one counts it.

    It is written down before anything is told, so a look whose answer was lost is not one for free.
    """
    table = schema.looks
    same: dict[str, Any] = dict(zip(_ABOUT, (rows, baseline, fidelity, optimum, pairs), strict=True))
    with storage.exclusive() as connection:
        row = connection.execute(select(table).where(*_these(record, same))).first()
        if row is not None:
            return _read(row)
        following = _last(connection, record, rows) + 1
        values: dict[str, Any] = {
            **same,
            "study_id": record.id,
            "number": following if pairs >= DECIDING_PAIRS else 0,
            "alpha": interim_alpha(following),
            "verdict": "",
            "looked_at": time.time(),
            "document": "",
        }
        connection.execute(table.insert().values(values))
    values["p_value"] = None
    return InterimAnalysis(**{name: values[name] for name in InterimAnalysis.__dataclass_fields__})


def conclude(
    storage: Storage, record: StudyRecord, look: InterimAnalysis, comparison: Comparison, document: object
) -> None:
    """Write down what a look told, with the whole report."""
    table = schema.looks
    values = {
        "p_value": comparison.p_value,
        "verdict": comparison.verdict,
        "looked_at": look.looked_at,
        "document": json.dumps(document),
    }
    with storage.write() as connection:
        connection.execute(update(table).where(*_these(record, look.about)).values(values))


def history(storage: Storage, record: StudyRecord) -> tuple[InterimAnalysis, ...]:
    """Every look at the comparisons of a search, in the order they were first taken."""
    query = select(schema.looks).where(_its(record)).order_by(schema.looks.c.id)
    with storage.read() as connection:
        return tuple(_read(row) for row in connection.execute(query))


def last_document(storage: Storage, record: StudyRecord) -> Any | None:
    """The report of the look told last, as JSON knows it; None where there is none."""
    table = schema.looks
    query = select(table.c.document).where(_its(record), table.c.document != "")
    with storage.read() as connection:
        found = connection.execute(query.order_by(table.c.looked_at.desc(), table.c.id.desc()).limit(1)).scalar()
    return parsed(found)


def _its(record: StudyRecord) -> Any:
    """The looks at this very study, not at an earlier one of its name."""
    return schema.looks.c.study_id == record.id


def _these(record: StudyRecord, about: Mapping[str, Any]) -> list[Any]:
    return [_its(record), *(schema.looks.c[name] == value for name, value in about.items())]


def _last(connection: Connection, record: StudyRecord, rows: str) -> int:
    table = schema.looks
    query = select(func.max(table.c.number)).where(_its(record), table.c.rows == rows)
    return connection.execute(query).scalar() or 0


def _read(row: Row[Any]) -> InterimAnalysis:
    its = row._mapping
    return InterimAnalysis(**{name: its[name] for name in InterimAnalysis.__dataclass_fields__})
