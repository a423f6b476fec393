"""What was found, for a person to look at: figures, one HTML page, Markdown, notes in optuna-dashboard."""

from hpo.report.dashboard_notes import publish
from hpo.report.markdown import markdown
from hpo.report.page import FORMATS, format_of, html, write
from hpo.report.sections import document

__all__ = ["FORMATS", "document", "format_of", "html", "markdown", "publish", "write"]
