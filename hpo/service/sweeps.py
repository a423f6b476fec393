"""The tables of a report, trained again: each row from its own base configuration, with several seeds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING


from hpo.service import measuring
from hpo.service import storage as storages
from hpo.service.progress import Ended, Progress
from hpo.service.storage import Storage
from hpo.service.studies import lookup
from hpo.service.sweep_request import SweepRequest, chosen_sweeps

if TYPE_CHECKING:
    from hpo.analysis import RowFinding, RowScores, TableFinding
    from hpo.service.measuring import Result
    from hpo.study import Fidelity, Params, StudyDefinition, Sweep

__all__ = ["KIND", "SweepReport", "as_reported", "read", "repeat_seed", "study_seed", "sweep"]

KIND = "sweep"  # of the study; it is called DEFINITION-sweep-FIDELITY


@dataclass(frozen=True, kw_only=True)
class SweepReport:
    """Tables of a definition as they were measured, beside what the report says of them."""

    definition: str  # its name
    study: str  # whose slots hold the trainings
    fidelity: str
    as_reported: bool  # trained as long as the report did: at the definition's last fidelity
    repeats: int  # trainings of each configuration, with seeds of their own
    direction: str  # of the metric: maximize or minimize
    metric: str
    unit: str  # of the metric; may be empty
    tables: "tuple[TableFinding, ...]"  # in the report's order
    jobs: int  # distinct trainings the rows of these tables come from
    settled: int  # of them, how many have ended, whether well or not
    ended: Ended | None  # why the run ended; None: only read

    def to_json(self) -> dict[str, object]:
        """What `hpo sweep --json` prints."""
        raise NotImplementedError


def sweep(request: SweepRequest, on_progress: Callable[[Progress], None] | None = None) -> SweepReport:
    """Train what is missing of the tables asked for, and tell what was measured."""
    raise NotImplementedError


def read(storage: Storage, definition: "StudyDefinition", fidelity: str) -> SweepReport | None:
    """All tables with whatever has been measured of them so far; None where nothing has. Nothing is trained."""
    raise NotImplementedError


def as_reported(definition: "StudyDefinition", params: "Params", repeats: int, seed: int, note: str = "") -> list[Job]:
    """One configuration trained as the report says, on all development rows, `repeats` times.

    The jobs are those of the sweep's rows with these params, so what a sweep of the same seed has trained is there.

    Args:
        definition: whose configuration it is.
        params: in the words of the definition's first space.
        repeats: trainings, each with a seed of its own.
        seed: of the sweep: `study_seed` tells it.
        note: what this is, for a person.

    """
    raise NotImplementedError


def repeat_seed(seed: int, repeat: int) -> int:
    """The seed of one repeat (from 0), the same for every row of every table. `seed` is the sweep's."""
    return derive(seed, "repeat", repeat)


def study_seed(storage: Storage, definition: "StudyDefinition", fidelity: str) -> int:
    """The seed of the definition's sweep at that fidelity; 0 where there is none yet."""
    raise NotImplementedError
