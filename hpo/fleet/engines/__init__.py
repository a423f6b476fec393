"""Engines that place workers: what each is told is here, what is to be done stays in the slots of the database.

`fleet_engine.py` is what all of them have in common: start so many, say which there are, end some. `scaling.py` decides
how many are wanted and knows no engine by name. `engine_catalog.py` knows them all.
"""

__all__ = ["engine_catalog", "fleet_engine", "local_engine", "scaling", "slurm_engine"]
