"""Arguments and options that several commands share, with one wording, and examples at the end of a help text."""

from typing import Annotated

import typer

from hpo.cli.arguments import complete
from hpo.cli.arguments.numbers import seconds, whole

__all__ = [
    "AsJson",
    "Definition",
    "Quiet",
    "Seed",
    "SpaceName",
    "Storage",
    "Study",
    "Timeout",
    "TrialTimeout",
    "WhichStudy",
    "Workers",
    "examples",
]

Definition = Annotated[
    str,
    typer.Argument(
        metavar="DEFINITION",
        help="Installed (cnn, dnn, fcnn, transfer), package.module:attribute, or path/to/file.py:attribute.",
        autocompletion=complete.definitions,
        show_default=False,
    ),
]
Study = Annotated[
    str,
    typer.Argument(
        metavar="STUDY",
        help="A study's name; a definition's name where it has a single study.",
        autocompletion=complete.studies,
        show_default=False,
    ),
]
WhichStudy = Annotated[
    str | None,
    typer.Argument(
        metavar="STUDY",
        help="A study's name; a definition's name where it has a single study. All studies where it is left out.",
        autocompletion=complete.studies,
        show_default=False,
    ),
]
Storage = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="URL",
        help="Database of the studies.  [env: HPO_STORAGE; default: sqlite:///hpo.db]",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]
SpaceName = Annotated[
    str | None,
    typer.Option(
        "--space",
        metavar="NAME",
        help="Which of the definition's spaces to search.  [default: its first]",
        autocompletion=complete.spaces,
        show_default=False,
    ),
]
Seed = Annotated[
    int, typer.Option("--seed", metavar="S", parser=whole(0, 2**32 - 1), help="Seed of all that is drawn.")
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        parser=whole(0, 256),
        help="Processes that train; 0: none here, a fleet's do it.  [default: one a core]",
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option("--timeout", metavar="TIME", parser=seconds, help="Stop after this long: 90s, 10m, 2h; resume later."),
]
TrialTimeout = Annotated[
    float | None,
    typer.Option("--trial-timeout", metavar="TIME", parser=seconds, help="A training that takes longer fails."),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Plain lines in place of the progress bar, and none that definitions print."),
]


def examples(*commands: str) -> str:
    """An epilog that lists `commands` one a line; the leading backspace tells the help formatter not to reflow them."""
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)
