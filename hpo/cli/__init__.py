"""The command line. `main` is the command `hpo`; each group of commands has its own file.

Importing a command imports nothing heavy: what it calls is imported when it runs, so that `hpo --help` costs what a
bare Typer program costs.
"""

from hpo.cli.main import main

__all__ = ["main"]
