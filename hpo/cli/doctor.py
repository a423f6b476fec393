"""`hpo doctor`: whether this machine, the storage and the fleet can do the work."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from hpo.cli.arguments.options import AsJson, Storage, examples
from hpo.cli.printing.console import document, tell

if TYPE_CHECKING:
    from hpo.experiments.doctor import Check

__all__ = ["doctor", "register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples("hpo doctor", "hpo doctor --storage postgresql://hpo@db/hpo --json")
    app.command(short_help="Check this machine, the storage and the fleet.", epilog=epilog)(doctor)


def doctor(storage: Storage = None, as_json: AsJson = False) -> None:
    """Check this machine, the storage, the workers and what they serve; exit 1 where something fails.

    Here: Python, packages, cores, memory, disks, data sets, TensorFlow, GPUs. The storage: whether it can be written,
    how quick it is, its clock, connections and transactions. The fleet: workers that are at work or silent, versions
    that differ, who leases which GPU. The studies: who serves them, whether this machine has their definitions, and
    trials left over by workers that died.
    """
    from hpo.experiments.doctor import examine
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
