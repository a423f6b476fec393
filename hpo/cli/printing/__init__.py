"""What commands print: words, numbers and tables on stdout and stderr, the bar, and the findings of each command."""

__all__ = [
    "bar",
    "compare",
    "greedy",
    "optimize",
    "output",
    "sparkline",
    "submit",
    "sweep",
    "words",
]
