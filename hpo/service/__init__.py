"""Running trials, losing none, and measuring what they found: a room for each thing it does.

From the bottom: `storage` is the database, `hosts` are the machines and who is at work on them, `slots` the budgets and
`studies` what was asked, `views` show how all that stands. A process of `workers` trains, one of `supervisors` keeps
them at it. On them stand `optimize`, the main job, and `measuring`, jobs whose configurations are known already; on
that `sweep` and `compare`; and `findings` and `export` tell what has come of it all. `doctor` looks whether all that
can work, `train` trains once. Looking at a study imports nothing that runs one.
"""

__all__ = [
    "compare",
    "doctor",
    "export",
    "findings",
    "hosts",
    "measuring",
    "optimize",
    "slots",
    "storage",
    "studies",
    "supervisors",
    "sweep",
    "train",
    "views",
    "workers",
]
