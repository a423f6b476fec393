"""What a person asks for: optimize, train, sweep, compare, export, report; each a request, a plan, a run, a result."""

__all__ = [
    "compare",
    "doctor",
    "export",
    "findings",
    "measure",
    "named_configuration",
    "optimize",
    "sweep",
    "train_configuration",
]
