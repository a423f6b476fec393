"""What the storage keeps of the work: studies, their slots, their trials, and how far each has come.

A slot is one unit of a study's budget (`slot.py`, `slots.py`), a trial Optuna's record of one attempt at it
(`trials.py`). The face is the study itself. Nothing in this room trains.
"""

from hpo.service.studies.plan import Kind, StudyPlan, StudyRecord, purpose
from hpo.service.studies.record import (
    create_or_resume,
    delete,
    find,
    forget,
    get,
    halved,
    list_all,
    load,
    lookup,
    measured,
)
from hpo.service.studies.refusals import refuse_other

__all__ = [
    "Kind",
    "StudyPlan",
    "StudyRecord",
    "create_or_resume",
    "delete",
    "find",
    "forget",
    "get",
    "halved",
    "list_all",
    "load",
    "lookup",
    "measured",
    "purpose",
    "refuse_other",
]
