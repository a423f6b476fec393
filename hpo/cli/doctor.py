"""`hpo doctor`: whether this machine can do the work."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from hpo.cli.arguments.examples import examples
from hpo.cli.arguments.options import AsJson, Storage
from hpo.cli.printing.output import document, tell

if TYPE_CHECKING:
    from hpo.service.doctor import Check

__all__ = ["doctor", "register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples("hpo doctor", "hpo doctor --storage postgresql://hpo@db/hpo --json")
    app.command(short_help="Check whether this machine can do the work.", epilog=epilog)(doctor)


def doctor(storage: Storage = None, as_json: AsJson = False) -> None:
    """Check Python, TensorFlow and its devices, storage, data, disk and memory; exit 1 where something fails."""
    from hpo.service.doctor import examine
    from hpo.settings import storage_url

    checks = []
    for check in examine(storage or storage_url()):
        checks.append(check)
        if not as_json:
            _line(check)
    failed = sum(check.state == "fail" for check in checks)
    if as_json:
        document({"ok": not failed, "checks": [asdict(check) for check in checks]})
    if failed:
        raise typer.Exit(1)


def _line(check: "Check") -> None:
    tell(f"{check.state:<4}  {check.name:<14}  {check.found}")
    if check.remedy:
        tell(f"{'':<22}→ {check.remedy}")
