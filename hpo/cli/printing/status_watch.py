"""What `hpo status STUDY --watch` shows: the study, kept up to date."""

from typing import TYPE_CHECKING

from hpo.cli.printing.bar import LineLimit, line
from hpo.cli.printing.console import tell
from hpo.cli.printing.study_text import state_words, study_lines
from hpo.cli.streams import results

if TYPE_CHECKING:
    from hpo.storage import Storage
    from hpo.storage.queries.progress import Progress

__all__ = ["keep_showing"]


def keep_showing(storage: "Storage", word: str) -> None:
    """Show a study until it is done, stopped or good enough, or until Ctrl-C.

    Where stdout is no terminal there is a line for each change.

    Raises:
        StudyError: there is no such study, or it was deleted meanwhile.
        StorageError: the database stayed away.

    """
    from hpo.storage.studies import find

    name = find(storage, word).name
    (_live if results().isatty() else _plain)(storage, name)


def _live(storage: "Storage", name: str) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from hpo.storage.queries.status import study_status
    from hpo.storage.queries.watching import watch

    with Live(console=Console(file=results()), auto_refresh=False) as live:

        def show(_: "Progress") -> None:
            live.update(Text("\n".join(study_lines(study_status(storage, name)))), refresh=True)

        watch(storage, name, on_progress=show)


def _plain(storage: "Storage", name: str) -> None:
    from hpo.storage.queries.status import study_status
    from hpo.storage.queries.watching import watch

    limit = LineLimit()

    def show(progress: "Progress") -> None:
        if limit.due(progress):
            tell(line(progress))
            results().flush()

    watch(storage, name, on_progress=show)
    tell(f"{name}: {state_words(study_status(storage, name))}")
