"""What `hpo submit` says."""

import shlex
from typing import TYPE_CHECKING

from hpo.cli.printing.fleet import show_serving
from hpo.cli.printing.output import tell
from hpo.cli.printing.words import count

if TYPE_CHECKING:
    from hpo.service.optimize.submit import Submitted
    from hpo.service.views.status import StudyStatus

__all__ = ["submitted"]


def submitted(found: "StudyStatus", left: "Submitted", *, changed: bool) -> None:
    """What was opened, and who is there to do it."""
    if left.added:
        tell(f"{found.study}: {count(left.added, 'trial')} opened; {found.settled} of {found.target} are done")
    elif found.settled == found.target:
        tell(f"{found.study}: all {found.target} trials are done already; a larger --trials adds more")
        return
    else:
        tell(f"{found.study}: nothing to add; {found.settled} of {found.target} trials are done")
    if changed:
        tell("its definition's code has changed since it was asked for last: trainings from now on are of the new one")
    if found.state == "stopped":
        tell(f"it is stopped, and stays so: hpo resume {shlex.quote(found.study)} lets it go on")
    elif found.state == "done":
        tell(
            f"its best is as good as --until {found.until:g} asks for, so nothing begins: --until none takes that away"
        )
    else:
        show_serving(left.serving)
    tell(f"hpo status {shlex.quote(found.study)} --watch shows how far it is")
