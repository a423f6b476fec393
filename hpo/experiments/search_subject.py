"""What a request for a search is about: the definition or objective, its study's name, whether that climbs.

All that an objective of somebody's own has not is refused here, before anything is planned.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from hpo.errors import UsageError
from hpo.experiments.search_request import Request
from hpo.settings import CLIMBING_SAMPLERS
from hpo.storage import Storage, studies
from hpo.storage.studies import StudyRecord
from hpo.study import Direction, Fidelity, Space, StudyDefinition, registry
from hpo.study.objectives import directions, parse_objectives
from hpo.study.plain_objective import PlainObjective
from hpo.study.rungs import out_of_order
from hpo.study.searchable import Searchable

__all__ = ["as_made", "refuse_other_file", "searched", "study_name", "weighed", "why_it_stays"]


def study_name(
    definition: Searchable, space: Space, fidelity: Fidelity | None = None, costs: Iterable[str] = ()
) -> str:
    """What a study is called unless it is told otherwise.

    Args:
        definition: what is searched.
        space: where.
        fidelity: the one it stays on; None: it climbs.
        costs: what is weighed against the metric.

    """
    if isinstance(definition, PlainObjective):
        return definition.name
    return "-".join((definition.name, space.name, *([fidelity.name] if fidelity else []), *costs))


def as_made(request: Request, found: Storage) -> Request:
    """The request with its definition, where it names a study in its place.

    A word that is neither a study nor a definition that could be loaded means the only study of the definition of
    that name, as it does to every other command.
    """
    if request.name is not None:
        return request
    record = studies.lookup(found, request.definition) or _only(found, request.definition)
    if record is None:
        return request
    studies.refuse_other(record)
    if record.unnamed:
        studies.searched(record)  # which says what is missing
    named = replace(request, definition=record.reference, name=record.name)
    if record.by_objective:
        return named
    return replace(
        named,
        space=request.space or record.space,
        fidelity=request.fidelity or (record.fidelity if record.rungs is None else None),
        objectives=request.objectives or record.objectives,
    )


def _only(found: Storage, word: str) -> StudyRecord | None:
    """The only study of the definition of that name, where nothing installed has it; None where there is none."""
    if word in registry.names() or all(word != record.definition for record in studies.list_all(found)):
        return None
    return studies.find(found, word)


def why_it_stays(request: Request, definition: Searchable, against: Collection[str]) -> str | None:
    """Why a search cannot climb; None where it can."""
    if against:
        return "a search with several objectives has no single best to promote"
    if isinstance(definition, PlainObjective) and not definition.seeds:
        how = "@hpo.tunable(seeds=True)" if definition.program is None else "{seed} in its command"
        return f"an objective that takes no seed ({how}) has nothing to confirm"
    if request.objective is not None and not request.climb:
        return "an objective of one's own has no fidelities"
    if request.objective is None and isinstance(definition, StudyDefinition):
        cheaper = out_of_order(definition.fidelities, definition.evaluation)
        if cheaper is not None:
            return f"fidelity {cheaper!r} is less work than the one before it, and rungs go from the cheapest up"
    if request.sampler is not None and request.sampler not in CLIMBING_SAMPLERS:
        return f"sampler {request.sampler} learns from trials of one fidelity alone"
    if request.pruner == "wilcoxon":
        return "pruner wilcoxon compares trials on folds that all of them share"
    return None


def searched(request: Request, found: Storage | None) -> Searchable:
    """What is searched, with its directions: its own, those asked for, or those of its study where it has one.

    Raises:
        UsageError: nobody says which values are better, or it is asked for what it has not.

    """
    definition = registry.find(request.definition, request.directions)
    if not isinstance(definition, PlainObjective):
        if request.directions:
            raise UsageError(
                f"{definition.name} says itself that it is to {definition.direction} {definition.metric}: leave "
                "--direction out"
            )
        return definition
    open_ = definition.program is None
    as_it_runs = "suggests its parameters as it runs"
    for option, given, why in (
        ("--space", request.space, as_it_runs if open_ else "has one space, that of its file"),
        ("--fidelity", request.fidelity, "decides itself how much it trains"),
        (
            "--from",
            request.from_study if open_ else None,
            f"{as_it_runs}, so none is known to fit: use --try",
        ),
        ("--objectives", request.objectives, "returns what it is searched for: give several --direction, by commas"),
    ):
        if given is not None:
            raise UsageError(f"objective {definition.name} {why}; leave {option} out")
    if request.metrics:
        definition = replace(definition, metrics=request.metrics)
    record = None if found is None else studies.lookup(found, request.name or definition.name)
    if not definition.directions and record is not None and record.by_objective:
        definition = registry.find(definition, record.directions)
    _ = definition.direction  # refused where nobody has said it
    return definition


def weighed(request: Request, definition: Searchable) -> Mapping[str, Direction]:
    """What is weighed against the metric, and which values of it are better."""
    if isinstance(definition, PlainObjective):
        return dict(zip(definition.named_metrics[1:], definition.directions[1:], strict=True))
    costs = parse_objectives(request.objectives, definition) if request.objectives is not None else ()
    return dict(zip(costs, directions(definition.direction, costs)[1:], strict=True))


def refuse_other_file(record: StudyRecord, request: Request, definition: Searchable) -> None:
    """Refuse to go on with a study of another file: many objectives are called objective. Raises UsageError."""
    ours, theirs = (Path(reference).name for reference in (request.definition, record.reference))
    if isinstance(definition, PlainObjective) and ours != theirs and not record.unnamed:
        raise UsageError(
            f"study {record.name!r} is of {theirs}, not of {ours}: give the new one a name of its own, --name OTHER"
        )
