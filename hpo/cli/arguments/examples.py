"""Examples at the end of a help text, kept line by line."""

__all__ = ["examples"]


def examples(*commands: str) -> str:
    """An epilog that lists `commands` one a line; the leading backspace tells the help formatter not to reflow them."""
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)
