"""The report's figures and its verdict inside optuna-dashboard, on the study's own page."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hpo.errors import StorageError
from hpo.messages import one_line
from hpo.optuna_internals import NOTE, storage_of, study_id
from hpo.report.document import Chart, Document, Fact
from hpo.report.figures.canvas import standing_alone
from hpo.report.markdown import escaped
from hpo.storage import Storage

if TYPE_CHECKING:
    import optuna
    import plotly.graph_objects as go

__all__ = ["keep_up", "note", "publish"]

_BEGIN, _END = "[//]: # (hpo report)", "[//]: # (hpo report ends)"
"""Around our part of a study's note: Markdown shows neither, and what a person wrote beside it stays."""

_LIVE = "Live page"


def publish(storage: Storage, document: Document) -> int:
    """Put the figures and the verdict on the study's page in optuna-dashboard; how many figures that were.

    All in one transaction, in place of what an earlier report put there. The dashboard has a light and a dark theme and
    tells figures neither, so they get a background of their own.

    Raises:
        StorageError: the database cannot be written.

    """
    charts = _charts(document)
    with _written(storage, document.study) as study:
        _put_figures(study, charts)
        _put_note(study, document, None)
    return len(charts)


def keep_up(storage: Storage, document: Document, *, page: str, running: bool) -> bool:
    """Do by itself what `publish` does when told to, and say whether it was done.

    A person's note goes before ours: whoever has taken our part out of it does not find it there again, and while the
    study is `running` the note is written once only, as optuna-dashboard refuses a note that was begun before another
    was saved.

    Args:
        storage: where the study is.
        document: the report on it.
        page: path of the study's own page on the server that calls, which the note leads to.
        running: trials are in hand, so the next report will soon be another one.

    Raises:
        StorageError: the database cannot be written.

    """
    from optuna_dashboard import get_note  # type: ignore[import-untyped]

    with _written(storage, document.study) as study:
        before = get_note(study)
        there = _BEGIN in before
        known = there or NOTE in storage_of(study).get_study_system_attrs(study_id(study))
        if running and known:
            return False
        _put_figures(study, _charts(document))
        if there or not known:
            _put_note(study, document, page)
    return True


def note(document: Document, before: str, page: str | None = None) -> str:
    """The study's note: what was in it, with our part put in or exchanged; it leads to `page`, None: as before."""
    verdict = document.verdict
    pattern = re.compile(f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", re.DOTALL)
    old = pattern.search(before)
    led = re.search(rf"\[{_LIVE}\]\((/[A-Za-z0-9_.~/-]*)\)", old[0]) if old else None
    page = page or (led[1] if led else None)
    lines = [
        _BEGIN,
        "",
        f"**{escaped(verdict.sentence)}**",
        "",
        *([escaped(verdict.second), ""] if verdict.second else []),
        *([escaped(verdict.limits), ""] if verdict.limits else []),
        *(_fact(fact) for fact in verdict.facts),
        *([f"    {verdict.command}"] if verdict.command else []),
        "",
        f"{escaped(document.subtitle)}. {escaped(document.made)}; the figures are on the study's first page.",
        "",
        *([f"[{_LIVE}]({page}) · [Report]({page}/report) · [All studies](/)", ""] if page else []),
        _END,
    ]
    ours = "\n".join(lines)
    if old:
        return before[: old.start()] + ours + before[old.end() :]
    return f"{before.rstrip()}\n\n{ours}\n" if before.strip() else f"{ours}\n"


@contextmanager
def _written(storage: Storage, name: str) -> "Iterator[optuna.Study]":
    """The study within one transaction: all that is put on its page, or nothing."""
    import optuna

    try:
        with storage.exclusive() as connection:
            yield optuna.load_study(study_name=name, storage=storage.optuna_within(connection))
    except (RecursionError, TypeError, ValueError) as error:
        # Of one attribute that is not as Optuna or optuna-dashboard wrote it, they can read none of the study's.
        raise StorageError(
            f"storage {storage.safe_url}: what stands on the page of {name} in optuna-dashboard cannot be read "
            f"({one_line(error)})"
        ) from None
    storage.forget()  # Optuna's cache knows nothing of what went past it


def _charts(document: Document) -> list[Chart]:
    return [part for section in document.sections for part in section.parts if isinstance(part, Chart)]


def _put_figures(study: "optuna.Study", charts: list[Chart]) -> None:
    from optuna_dashboard import save_plotly_graph_object

    for chart in charts:
        save_plotly_graph_object(study, _figure(chart), graph_object_id=_id(chart))


def _put_note(study: "optuna.Study", document: Document, page: str | None) -> None:
    from optuna_dashboard import get_note, save_note

    before = get_note(study)
    after = note(document, before, page)
    if after != before:  # each saving makes optuna-dashboard refuse what somebody is writing at that moment
        save_note(study, after)
    storage_of(study).set_study_system_attr(study_id(study), NOTE, True)


def _fact(fact: Fact) -> str:
    return f"- {escaped(fact.name)}: {escaped(fact.value)}" + (f" ({escaped(fact.note)})" if fact.note else "")


def _id(chart: Chart) -> str:
    """The same for the same figure of every report, so that a later one takes its place; letters, digits, - _ only."""
    return "hpo-" + re.sub(r"[^A-Za-z0-9_-]", "-", chart.id.removeprefix("figure-"))


def _figure(chart: Chart) -> "go.Figure":
    import plotly.graph_objects as go

    return standing_alone(go.Figure(json.loads(chart.figure)), chart.title)
