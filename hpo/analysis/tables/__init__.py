"""The tables of a report, measured: rows beside reported figures, the choice among rows, the claims made of them.

The face is the measured table; `claims.py` holds the conclusions against it.
"""

from hpo.analysis.tables.measured import (
    FIGURES,
    FigureFinding,
    RowFinding,
    RowScores,
    TableFinding,
    TableVerdict,
    examine,
)

__all__ = [
    "FIGURES",
    "FigureFinding",
    "RowFinding",
    "RowScores",
    "TableFinding",
    "TableVerdict",
    "examine",
]
