"""What a study is: what was asked of it when it was made, kept beside Optuna's own record of it.

`study_record.py` has the records, `repository.py` makes, finds and deletes studies, `refusals.py` says in words what is
refused of them, `same_rows.py` keeps which rows one is of; `halting.py` stops one for every worker at once,
`fail_fast.py` one whose trials all fail. The face is what others need of all that. Its budget is `hpo.storage.slots`,
how it stands `hpo.storage.queries`.
"""

from hpo.storage.studies.refusals import refuse_other
from hpo.storage.studies.repository import (
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
from hpo.storage.studies.same_rows import agree_on_rows, refuse_other_rows
from hpo.storage.studies.study_record import Kind, StudyPlan, StudyRecord, purpose

__all__ = [
    "Kind",
    "StudyPlan",
    "StudyRecord",
    "agree_on_rows",
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
    "refuse_other_rows",
]
