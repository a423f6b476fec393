"""The trials of a study as a data frame whose columns are called as in those that Optuna makes."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hpo.errors import HpoError
from hpo.experiments import trial_export
from hpo.experiments.trial_records import ExportedTrial

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["frame"]

_STATES = {"failed": "FAIL"}  # the others in capitals
_NAMED = {"started_at": "datetime_start", "ended_at": "datetime_complete", "seconds": "duration"}
_ATTRIBUTES, _USER = "attributes_", "user_attrs_"  # before a name: ours, Optuna's
_NOTED = ("seed", "reason")  # user attributes that our records have of their own
_LAST = ("state", "fidelity", "rung", "position", "attempt", "worker", "outcome")  # Optuna's last one, and ours


def frame(
    found: Sequence[ExportedTrial], values: Mapping[int, Sequence[float]], objectives: Sequence[str]
) -> "pd.DataFrame":
    """A row a trial.

    Args:
        found: the trials.
        values: number of a trial -> its values of all objectives; used where there are several.
        objectives: what they are called; the metric alone has the column `value`.

    Raises:
        HpoError: pandas is not installed.

    """
    try:
        import pandas as pd
    except ImportError as error:
        raise HpoError(f"a data frame needs pandas: pip install pandas, or use Study.trials ({error})") from None
    told = trial_export.columns(found)
    value = told.pop("value")
    if len(objectives) > 1:
        each = [values.get(-1 if number is None else number, ()) for number in told["number"]]
        columns = {
            f"values_{name}": [its[at] if at < len(its) else None for its in each] for at, name in enumerate(objectives)
        }
    else:
        columns = {"value": value}
    told["state"] = [_STATES.get(state, state.upper()) for state in told["state"]]
    last = {name: told.pop(name) for name in _LAST}
    noted = {f"{_USER}{name}": told.pop(name) for name in _NOTED}
    made = {"number": told.pop("number"), **columns}
    made |= {_NAMED.get(name, name.replace(_ATTRIBUTES, _USER, 1) if name.startswith(_ATTRIBUTES) else name): column
             for name, column in told.items()}  # fmt: skip
    table = pd.DataFrame({**made, **noted, **last})
    return _typed(table, pd)


def _typed(table: "pd.DataFrame", pd: Any) -> "pd.DataFrame":
    """Times as times, and numbers as numbers although some trials have none."""
    for name in ("datetime_start", "datetime_complete"):
        table[name] = pd.to_datetime(table[name], utc=True)
    table["duration"] = table["datetime_complete"] - table["datetime_start"]  # to the microsecond, unlike seconds
    for name in [each for each in table.columns if each == "value" or each.startswith("values_")]:
        table[name] = table[name].astype(float)
    return table
