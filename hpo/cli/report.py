"""`hpo report`: everything that was found about a search, on one page."""

from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.options import Storage, Study, examples
from hpo.cli.printing.console import count, say
from hpo.files import expanded
from hpo.settings import storage_url

__all__ = ["register", "report"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples(
        "hpo report cnn -o cnn.html",
        "hpo report fcnn-wide-full -o fcnn.md",
        "hpo report cnn -o cnn.html --no-dashboard",
    )
    app.command(short_help="All that was found, on one page to look at.", epilog=epilog)(report)


def report(
    study: Study,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to: .html or .md.", show_default=False)
    ],
    kind: Annotated[
        str | None,
        typer.Option("--format", metavar="html|markdown", help="How.  [default: as FILE ends]", show_default=False),
    ] = None,
    dashboard: Annotated[
        bool,
        typer.Option(
            "--dashboard/--no-dashboard", help="Put figures and verdict on the study's page in optuna-dashboard, too."
        ),
    ] = True,
    storage: Storage = None,
) -> None:
    """Write all that was found about a search as one page: the verdict first, then figures, tables, how to repeat it.

    Nothing is trained: what is missing is named, with the command that makes it. The HTML page needs no network and
    prints; Markdown has the same texts and tables without the figures.
    """
    from hpo import report as reports
    from hpo import storage as storages
    from hpo.errors import StorageError
    from hpo.experiments.findings.gathering import gather

    to = expanded(output)
    kind = reports.format_of(to, kind)
    opened = storages.open(storage or storage_url())
    document = reports.document(gather(opened, study))
    reports.write(to, reports.html(document) if kind == "html" else reports.markdown(document))
    say(f"written to {to}")
    if dashboard:
        try:
            figures = count(reports.publish(opened, document), "figure")
        except StorageError as error:  # the page is there, which is what was asked for
            say(f"not put into optuna-dashboard: {error}")
        else:
            say(f"verdict and {figures} put on the page of {document.study} in optuna-dashboard")
