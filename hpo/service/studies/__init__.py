"""What a study is: what was asked of it when it was made, kept beside Optuna's own record of it.

`plan.py` has the records, `record.py` makes, finds and deletes studies, `refusals.py` says in words what is refused of
them, `rows.py` keeps which rows one is of; `halting.py` stops one for every worker at once, `hopeless.py` one whose
trials all fail. The face is what others need of all that. Its budget is `hpo.service.slots`, how it stands
`hpo.service.views`.
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
from hpo.service.studies.rows import agree_on_rows, refuse_other_rows

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
