"""`hpo doctor`: whether this machine, the storage and the fleet can do the work; one check a question.

`machine_checks.py` looks at this machine and at what trainings need of it, `database_checks.py` at the storage,
`fleet_checks.py` at the workers and GPUs of all machines that share it and at its studies. Nothing is changed by
looking.
"""

from hpo.experiments.doctor.check import Check, State
from hpo.experiments.doctor.examination import examine

__all__ = ["Check", "State", "examine"]
