"""What a person asks for, each a request that becomes a plan, which is run to a result.

`hpo optimize` and `hpo submit` are search_request, search_plan and search_run, `hpo train` train_configuration,
`hpo sweep` and `hpo compare` folders of their own, which stand on measure. `hpo report` draws findings, `hpo export` is
trial_export.
"""

__all__ = [
    "compare",
    "doctor",
    "findings",
    "known_configurations",
    "measure",
    "named_configuration",
    "search_plan",
    "search_request",
    "search_run",
    "study_execution",
    "sweep",
    "train_configuration",
    "trial_export",
    "trial_records",
]
