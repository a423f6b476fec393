"""What a study is: what was asked of it when it was made, kept beside Optuna's own record of it.

`study_record.py` has the records and what is refused of them, `repository.py` makes, finds and deletes studies,
`halting.py` stops one for every worker at once. The face is what others need of all that. A study's budget is
`hpo.storage.slots`, how it stands `hpo.storage.queries`.
"""

from hpo.storage.studies.repository import (
    agree_on_rows,
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
from hpo.storage.studies.study_record import (
    CONFIRMATION,
    Kind,
    StudyPlan,
    StudyRecord,
    purpose,
    refuse_other,
    refuse_other_rows,
    searched,
)

__all__ = [
    "CONFIRMATION",
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
    "searched",
]
