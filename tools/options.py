"""The options of every command on the site, from the command line itself: a hook of MkDocs, so that none is forgotten.

It fills the page that has the line `<!-- options -->`.
"""

from collections.abc import Iterator
from typing import Any

MARK = "<!-- options -->"

__all__ = ["MARK", "on_page_markdown", "options"]


def options() -> str:
    """Every command with what it takes, in Markdown."""
    import typer.main

    from hpo.cli.app import app

    def section(command: Any, name: str) -> Iterator[str]:
        context = command.make_context(name, [], resilient_parsing=True)
        yield f"## {name}\n\n{_cell(command.help)}\n\n| what | means |\n| --- | --- |"
        for parameter in command.params:
            if record := parameter.get_help_record(context):  # a hidden option has none
                yield f"| `{record[0]}` | {_cell(record[1])} |"
        yield ""
        for inner, one in getattr(command, "commands", {}).items():
            yield from section(one, f"{name} {inner}")

    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined] # it is a group
    return "\n".join(line for name, command in commands.items() for line in section(command, f"hpo {name}"))


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by MkDocs with each page before it is laid out."""
    return markdown.replace(MARK, options()) if MARK in markdown else markdown


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|").replace("<", "&lt;")
