"""What a person asks for: optimize, train, sweep, compare, export, report; each a request, a plan, a run, a result."""

__all__ = [
    "compare",
    "doctor",
    "findings",
    "measure",
    "named_configuration",
    "optimize",
    "sweep",
    "train_configuration",
    "trial_export",
    "trial_records",
]
