"""What `hpo optimize` and `hpo submit` say before they begin and after they end."""

import shlex
from typing import TYPE_CHECKING

from hpo.cli.printing.console import (
    CHANGED,
    Interrupted,
    count,
    duration,
    evaluation_words,
    fidelity_words,
    figure,
    say,
    size_words,
    tell,
)
from hpo.cli.printing.status_text import front_table, show_serving, tell_climb, trained
from hpo.errors import StudyError
from hpo.study.evaluation import ByObjective
from hpo.study.objectives import wanted

if TYPE_CHECKING:
    from hpo.experiments.search_plan import Plan
    from hpo.experiments.search_run import Submitted
    from hpo.storage.queries.status import Progress, StudyStatus

__all__ = ["announce", "conclude", "submitted"]


def announce(plan: "Plan", *, again: str = "command") -> None:
    """Say what is going to be done and about how long it takes; `again`: what goes on with it."""
    definition, existing = plan.definition, plan.existing
    if existing is not None and not plan.left:
        return
    if existing is None:
        say(f"study {plan.study} (new) in {plan.safe_url}")
    else:
        done = f"{existing.settled} of {existing.settled + plan.left} trials are done"
        say(f"study {plan.study} goes on in {plan.safe_url}: {done}")
    say(f"  search   {definition.direction} {definition.metric}, {evaluation_words(definition.evaluation)}")
    if plan.against:
        say(f"  against  {wanted(plan.against)}: a front is searched, and nothing is pruned")
    say(f"  space    {plan.space.name}: {size_words(plan.space)}")
    for fidelity in definition.fidelities if plan.rungs else (plan.fidelity,):
        say(f"  a trial  {fidelity.name}: {fidelity_words(fidelity, definition.evaluation, definition.labels)}")
    if plan.rungs:
        say(f"  rungs    {_rungs(plan)}")
    elif plan.stays:
        say(f"  rungs    none: {plan.stays}")
    if plan.earlier:
        say(f"  begins   with {count(len(plan.earlier), 'trial')} of study {plan.request.from_study}")
    say(f"  trials   {plan.left} to do by {_by(plan)}, sampler {plan.sampler}, pruner {plan.pruner}")
    if plan.changed:
        say(CHANGED)
    end = f"keeps what is done, and the same {again} goes on" if plan.workers else "leaves the fleet at it"
    say(f"  time     {_time(plan)}; Ctrl-C {end}")


def conclude(plan: "Plan", progress: "Progress", *, quiet: bool) -> None:
    """Say how it ended, what was found and what to run next; with `quiet` only what is wrong.

    Raises:
        Interrupted: it was.
        StudyError: everything is settled and nothing is complete.

    """
    if progress.ended == "interrupted" and not plan.workers:
        raise Interrupted(
            f"{progress.settled} of {progress.target} trials are done, and the fleet goes on without this command; "
            f"hpo status {shlex.quote(progress.study)} --watch looks again"
        )
    if progress.ended == "interrupted":
        raise Interrupted(
            f"interrupted with {progress.settled} of {progress.target} trials done; they are kept, "
            "and the same command goes on from there"
        )
    _refuse_nothing_complete(plan, progress)
    if quiet:
        return
    _result(plan, progress)
    _found(plan, progress)
    _next(plan, progress)


def _rungs(plan: "Plan") -> str:
    """How many are trained on each rung."""
    first, *climbed, last = plan.rungs
    hand = " and the hand-picked one" if first.prior else ""
    words = [f"{first.slots} drawn at {first.fidelity}"]
    words += [f"{rung.slots - rung.prior} of them{hand} at {rung.fidelity}" for rung in climbed]
    return ", ".join([*words, count(last.slots, "confirmation")])


def _by(plan: "Plan") -> str:
    if plan.workers:
        return count(plan.workers, "worker")
    return f"the fleet ({count(plan.serving, 'worker')} there now)"


def _time(plan: "Plan") -> str:
    if not plan.workers and not plan.serving:
        said = "told once somebody is at it"
    elif plan.seconds is None:
        said = "told after the first trials"
    else:
        basis = "at the pace so far" if plan.measured else "at a guess, on cores of a common laptop"
        said = f"about {duration(plan.seconds)} {basis}"
    timeout = plan.request.limits.timeout
    return said if timeout is None else f"{said}, {duration(timeout)} at most"


def _refuse_nothing_complete(plan: "Plan", progress: "Progress") -> None:
    from hpo.storage.queries.status import study_status

    found = study_status(plan.storage, progress.study).nothing_complete
    if found is not None:
        where = f"; all of it: hpo trial {shlex.quote(progress.study)} {found.trial}" if found.trial is not None else ""
        raise StudyError(f"no trial of {progress.study} is complete: {found.why}{where}")


def _result(plan: "Plan", progress: "Progress") -> None:
    ended = {
        "done": "all done",
        "timeout": "its time is up; the same command goes on",
        "until": f"stopped at a value good enough; {_without(plan)} goes on",
        "stopped": f"it was stopped; after hpo resume {shlex.quote(progress.study)} the same command goes on",
    }.get(progress.ended or "done", progress.ended)
    if not plan.left:
        tell(f"{progress.study}: all {progress.target} trials are done already; a larger --trials adds more")
        return
    outcomes = f"{progress.complete} complete, {progress.pruned} pruned, {progress.failed} failed"
    took = duration(progress.elapsed_seconds)
    tell(f"{progress.study}: {progress.settled} of {progress.target} trials in {took} ({outcomes}); {ended}")


def _without(plan: "Plan") -> str:
    """What goes on past the value that was to be reached: it is the run's, or is kept with the study."""
    existing = plan.existing
    if plan.workers and not plan.rungs and (existing is None or existing.until is None):
        return "without --until it"
    return f"after hpo submit {shlex.quote(plan.study)} --trials N --until none it"


def _found(plan: "Plan", progress: "Progress") -> None:
    from hpo.storage.queries.study_results import best, failure

    if progress.best is not None:
        found = best(plan.storage, progress.study)
        if found.front:
            front_table(found.objectives, found.front)
        tell(f"best {found.metric}: {figure(found.value)} (trial {found.number}){trained(found)}")
        if found.baseline is not None:
            cut = "" if found.baseline.outcome == "complete" else f", {found.baseline.outcome}"
            tell(f"baseline {found.baseline.name} in this search: {figure(found.baseline.value)}{cut}")
        if found.climb is not None:
            tell_climb(found.climb, found.fidelities)
    elif progress.settled:
        tell("no trial is complete yet, so there is no best one")
    failed = failure(plan.storage, progress.study)
    if failed is not None and failed[0] is not None:
        tell(f"a failure: {failed[1]}; all of it: hpo trial {shlex.quote(progress.study)} {failed[0]}")


def _next(plan: "Plan", progress: "Progress") -> None:
    if progress.best is None:
        return
    where = "" if plan.default_storage else f" --storage {shlex.quote(plan.safe_url)}"
    tell("next:")
    tell(f"  hpo best {shlex.quote(progress.study)}{where}")
    if isinstance(plan.definition.evaluation, ByObjective):
        tell(f"  hpo importance {shlex.quote(progress.study)}{where}")
        return
    which = "NUMBER" if plan.against else "best"  # of a front any trial may be the one that is wanted
    study = f"--study {shlex.quote(progress.study)}{where}"
    tell(f"  hpo train {shlex.quote(plan.request.definition)} --config {which} {study}")


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
