"""`hpo export`: a study for other programs."""

from typing import Annotated

import typer

from hpo.cli.options import Storage, Study, examples
from hpo.cli.printing.console import count, results, say
from hpo.files import expanded
from hpo.settings import storage_url

__all__ = ["export", "register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples(
        "hpo export cnn -o cnn.csv",
        "hpo export fcnn-wide-full -o trials.parquet",
        "hpo export cnn -o - --format json",
    )
    app.command(short_help="Every trial of a study to a file: CSV, JSON, Parquet.", epilog=epilog)(export)


def export(
    study: Study,
    output: Annotated[
        str,
        typer.Option("--output", "-o", metavar="FILE", help="Where to: a file, or - for stdout.", show_default=False),
    ],
    kind: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="csv|json|parquet",
            help="How.  [default: as FILE ends; csv for -]",
            show_default=False,
        ),
    ] = None,
    storage: Storage = None,
) -> None:
    """Write every trial of a study of any kind: state, value, parameters, times, worker; whole, or not at all.

    Every attempt is there. What counts are the rows with an outcome, one for each finished trial of `hpo status`; a row
    without one is running, or an attempt that was lost and made again, as after a crash. Times are UTC. A cell is empty
    where a parameter has no meaning. Where None is one of its values, a column active_NAME beside it tells the two
    apart. JSON has no such parameter at all, null for None, and the learning curves, too. Parquet needs pyarrow:
    pip install 'hpo-service[parquet]'.
    """
    from hpo import storage as storages
    from hpo.experiments import trial_export

    to = None if output == "-" else expanded(output)
    kind = trial_export.check(to, kind)
    opened = storages.open(storage or storage_url())
    if to is None:
        trial_export.write(opened, study, results().buffer, kind)
    else:
        say(f"{count(trial_export.export(opened, study, to, kind), 'trial')} written to {to}")
