"""What commands take: arguments and options they share, numbers as typed, examples in help, completion after Tab."""

__all__ = [
    "complete",
    "numbers",
    "options",
    "searching",
]
