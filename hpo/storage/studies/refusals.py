"""What is refused of studies, in words: another study of the same name, or none at all."""

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime

from hpo.errors import StudyError
from hpo.storage.studies.study_record import Kind, StudyPlan, StudyRecord, purpose

__all__ = ["refuse_mismatch", "refuse_other", "refuse_stopped", "stopped", "unknown"]


def refuse_mismatch(existing: StudyRecord, plan: StudyPlan) -> None:
    """Refuse a study that was asked for otherwise than it is planned now. Raises StudyError."""
    refuse_other(existing, plan)
    # The jobs of a measurement have seeds of their own, and its sampler and pruner do nothing.
    own = ("sampler", "pruner", "seed") if plan.kind == "search" else ()
    for name in ("definition", "space", "fidelity", "direction", "metric", *own):
        was, wanted = getattr(existing, name), getattr(plan, name)
        if wanted is not None and was != wanted:
            raise StudyError(
                f"study {plan.name!r} was made with {name} {was}, not {wanted}: {_remedy(plan.name, plan.kind)}"
            )
    if existing.rungs != plan.rungs:
        was, wanted = (
            "one that stays on " + one.fidelity
            if one.rungs is None
            else "one that climbs " + one.rungs.replace(",", ", ")
            for one in (existing, plan)
        )
        raise StudyError(f"study {plan.name!r} is {was}, not {wanted}: {_remedy(plan.name, plan.kind)}")
    if existing.objectives != plan.objectives:
        was, wanted = (one.objectives or one.metric for one in (existing, plan))
        how = f"--objectives {shlex.quote(was)}" if existing.costs else "no --objectives"
        raise StudyError(
            f"study {plan.name!r} was made with objectives {was}, not {wanted}: it goes on with {how}; or"
            f" {_remedy(plan.name, plan.kind)}"
        )
    if existing.fingerprint != plan.fingerprint:
        raise StudyError(
            f"study {plan.name!r} was made when space {plan.space!r} was another one (fingerprint "
            f"{existing.fingerprint}, now {plan.fingerprint}): {_remedy(plan.name, plan.kind)}"
        )


def refuse_other(existing: StudyPlan, wanted: StudyPlan | None = None) -> None:
    """Refuse a study that is for something else than `wanted`, or for `None` than searching. Raises StudyError."""
    kind, parent = ("search", None) if wanted is None else (wanted.kind, wanted.parent)
    if (existing.kind, existing.parent) != (kind, parent):
        what = purpose(wanted) if wanted is not None else kind
        raise StudyError(
            f"study {existing.name!r} is a {purpose(existing)}, not a {what}: {_remedy(existing.name, kind)}"
        )


def refuse_stopped(existing: StudyRecord) -> None:
    """Refuse to work at a study that is stopped. Raises StudyError."""
    if existing.stopped_at is not None:
        raise StudyError(
            f"study {existing.name!r} {stopped(existing)}: hpo resume {shlex.quote(existing.name)} lets it go on"
        )


def stopped(record: StudyRecord) -> str:
    """Who stopped a study, when and why, in words that follow its name."""
    assert record.stopped_at is not None
    when = datetime.fromtimestamp(record.stopped_at, UTC)
    why = "" if record.stopped_why is None else f" ({record.stopped_why})"
    return f"was stopped by {record.stopped_by} at {when:%Y-%m-%d %H:%M} UTC{why}"


def _climbs(plan: StudyPlan) -> str:
    if plan.rungs is None:
        return f"one that stays on {plan.fidelity}"
    return f"one that climbs {plan.rungs.replace(',', ', ')}"


def _remedy(name: str, kind: Kind) -> str:
    """How to come by a study of that name, or without it, where there is one that was asked for otherwise."""
    if kind == "search":
        return "give the new one a name of its own, --name OTHER"
    return f"`hpo delete {shlex.quote(name)}` makes way for the new one"


def unknown(word: str, everything: Sequence[StudyRecord], safe_url: str) -> str:
    """What to say of a study that is not there."""
    names = ", ".join(record.name for record in everything[:10]) + (", …" if len(everything) > 10 else "")
    return f"there is no study {word!r} in {safe_url}; there is: {names or 'none yet'}"
