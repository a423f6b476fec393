"""Engines that place workers: what each is told is here, what is to be done stays in the slots of the database.

`fleet_engine.py` is what all of them have in common: start so many, say which there are, end some. `scaling.py` decides
how many are wanted and knows no engine by name. `engine_catalog.py` knows them all; `engine_command.py` runs the
commands of those that have some.
"""

__all__ = [
    "engine_catalog",
    "engine_command",
    "fleet_engine",
    "kubernetes_engine",
    "local_engine",
    "ray_engine",
    "scaling",
    "slurm_engine",
]
