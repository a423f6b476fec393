"""The report's figures and its verdict inside optuna-dashboard, on the study's own page."""

import json
import re
from html import escape
from typing import TYPE_CHECKING, Any

from hpo.report import theme
from hpo.report.document import Chart, Document, Fact
from hpo.report.markdown import escaped
from hpo.service.storage import Storage
from hpo.service.storage.engine import exclusive
from hpo.service.storage.errors import translated

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["note", "publish"]

_BEGIN, _END = "[//]: # (hpo report)", "[//]: # (hpo report ends)"
"""Around our part of a study's note: Markdown shows neither, and what a person wrote beside it stays."""

_TITLE = 34  # px above a figure for its title, which the dashboard does not give


def publish(storage: Storage, document: Document) -> int:
    """Put the figures and the verdict on the study's page in optuna-dashboard; how many figures that were.

    All in one transaction, in place of what an earlier report put there. The dashboard has a light and a dark theme and
    tells figures neither, so they get a background of their own.

    Raises:
        StorageError: the database cannot be written.

    """
    import optuna
    from optuna_dashboard import get_note, save_note, save_plotly_graph_object  # type: ignore[import-untyped]

    charts = [part for section in document.sections for part in section.parts if isinstance(part, Chart)]
    with translated(storage.where), exclusive(storage.engine) as connection:
        study = optuna.load_study(study_name=document.study, storage=storage.optuna_within(connection))
        for chart in charts:
            save_plotly_graph_object(study, _figure(chart), graph_object_id=_id(chart))
        save_note(study, note(document, get_note(study)))
    storage.forget()  # Optuna's cache knows nothing of what went past it
    return len(charts)


def note(document: Document, before: str) -> str:
    """The study's note: what was in it, with our part put in or exchanged."""
    verdict = document.verdict
    lines = [
        _BEGIN,
        "",
        f"**{escaped(verdict.sentence)}**",
        "",
        *([escaped(verdict.second), ""] if verdict.second else []),
        *(_fact(fact) for fact in verdict.facts),
        *([f"    {verdict.command}"] if verdict.command else []),
        "",
        f"{escaped(document.subtitle)}. {escaped(document.made)}; the figures are below.",
        "",
        _END,
    ]
    ours = "\n".join(lines)
    pattern = re.compile(f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", re.DOTALL)
    if pattern.search(before):
        return pattern.sub(lambda _: ours, before, count=1)
    return f"{before.rstrip()}\n\n{ours}\n" if before.strip() else f"{ours}\n"


def _fact(fact: Fact) -> str:
    return f"- {escaped(fact.name)}: {escaped(fact.value)}" + (f" ({escaped(fact.note)})" if fact.note else "")


def _id(chart: Chart) -> str:
    """The same for the same figure of every report, so that a later one takes its place; letters, digits, - _ only."""
    return "hpo-" + re.sub(r"[^A-Za-z0-9_-]", "-", chart.id.removeprefix("figure-"))


def _figure(chart: Chart) -> "go.Figure":
    import plotly.graph_objects as go

    drawn: dict[str, Any] = json.loads(chart.figure)
    layout = drawn.setdefault("layout", {})
    margin = dict(layout.get("margin") or {})
    layout["margin"] = {**margin, "t": margin.get("t", 24) + _TITLE}
    layout["height"] = layout.get("height", 400) + _TITLE
    layout["title"] = {"text": escape(chart.title, quote=False), "x": 0.01, "xanchor": "left", "yref": "container"}
    layout["paper_bgcolor"] = layout["plot_bgcolor"] = theme.PAPER.light
    return go.Figure(drawn)
