"""Each search's report page, made when somebody asks for it and kept until something is new."""

from flask import Flask

from hpo.service.storage import Storage

__all__ = ["register"]


def register(app: Flask, storage: Storage) -> None:
    """Add the route."""

    def report(name: str) -> str:
        from hpo import report as reports
        from hpo.service.findings.gathering import gather

        return reports.html(reports.document(gather(storage, name)))

    app.add_url_rule("/studies/<study:name>/report", "report", report)
