"""What commands print: words, numbers and tables on stdout and stderr, the bar, and the findings of each command."""

__all__ = [
    "bar",
    "compare",
    "fleet",
    "greedy",
    "optimize",
    "output",
    "studies",
    "sweep",
    "watching",
    "words",
]
