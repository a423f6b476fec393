"""`hpo doctor`: whether this machine, the storage and the fleet can do the work; one check a question.

`here.py` looks at this machine, `training.py` at what trainings need of it, `database.py` at the storage, `fleet.py` at
the workers and GPUs of all machines that share it, `work.py` at its studies. Nothing is changed by looking.
"""

from hpo.service.doctor.check import Check, State
from hpo.service.doctor.examination import examine

__all__ = ["Check", "State", "examine"]
