"""What a search knows before it draws any: the hand-picked configuration, those to try, what another search found."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpo.errors import UsageError
from hpo.experiments.search_request import Request
from hpo.files import expanded
from hpo.storage import Storage, studies
from hpo.storage.slots.slots import Slots
from hpo.study import Params, Space
from hpo.study.configurations import read_configurations
from hpo.study.direction import loss
from hpo.study.searchable import Searchable

if TYPE_CHECKING:
    from hpo.storage.slots.slot_trials import Earlier

__all__ = ["all_first", "found_earlier", "hand_picked", "tried_first"]

_EARLIER_BEST, _EARLIER_OTHERS = 30, 70  # configurations of an earlier search that a sampler begins with, at most


def tried_first(request: Request, definition: Searchable, space: Space) -> tuple[Params, ...]:
    """The configurations asked for to be tried first, each one of the space."""
    for number, params in enumerate(request.try_, start=1):
        problem = space.problem(params)
        if problem:
            raise UsageError(f"configuration {number} to try first is none of space {space.name!r}: {problem}")
    written = read_configurations(request.try_file, definition, space) if request.try_file is not None else ()
    return tuple(dict(params) for params in (*request.try_, *written))


def hand_picked(request: Request, definition: Searchable, space: Space) -> Params | None:
    """The hand-picked configuration. Raises UsageError where the word for it means none of the space."""
    if request.prior == "none":
        return None
    named = {baseline.name: baseline for baseline in definition.baselines}
    if request.prior is None:
        return dict(definition.baselines[0].params_in(space.name)) if definition.baselines else None
    if request.prior in named:
        return dict(named[request.prior].params_in(space.name))
    path = expanded(request.prior)
    if path.suffix != ".json" and not path.exists():
        raise UsageError(
            f"{definition.name} has no baseline {request.prior!r} to begin with; there are: "
            f"{', '.join([*named, 'none'])}, or a JSON file"
        )
    written = read_configurations(path, definition, space)
    if len(written) != 1:
        raise UsageError(f"--prior takes one configuration, and {path} has {len(written)}: --try takes several")
    return dict(written[0])


def found_earlier(
    request: Request, found: Storage | None, definition: Searchable, space: Space
) -> "tuple[Earlier, ...]":
    """What an earlier search found of this space: its best, and others, evenly.

    The best alone would mislead: a sampler that learns from ranks takes nine of ten for what to avoid.

    Raises:
        StudyError: there is no such search.
        UsageError: it is to another end, or found nothing of this space.

    """
    from hpo.search import digest
    from hpo.storage.slots.slot_trials import Earlier

    if request.from_study is None:
        return ()
    if found is None:
        raise UsageError(f"there is no database yet, so no study {request.from_study!r} to begin from")
    record = studies.find(found, request.from_study)
    studies.refuse_other(record)
    if (record.metric, record.direction) != (definition.metric, definition.direction):
        raise UsageError(
            f"study {record.name!r} is to {record.direction} {record.metric}, and {definition.name} to "
            f"{definition.direction} {definition.metric}: what one found says nothing to the other"
        )
    epochs = {each.name: each.epochs for each in definition.fidelities}
    dearest = max(epochs.values())
    ranked: dict[str, Earlier] = {}  # each configuration once, by its value at the highest fidelity it reached
    for slot in sorted(
        (slot for slot in Slots(found).complete(record.name) if slot.value is not None),
        key=lambda slot: (-slot.rung, loss(record.direction, slot.value or 0.0), slot.position),
    ):
        if space.problem(slot.fixed) is None:
            step = dearest if slot.highest else epochs.get(record.fidelities[slot.rung], 0)
            ranked.setdefault(digest(slot.fixed), Earlier(params=slot.fixed, value=slot.value or 0.0, step=step))
    if not ranked:
        raise UsageError(
            f"no complete trial of study {record.name!r} is a configuration of space {space.name!r} of "
            f"{definition.name}: begin from one of the same parameters"
        )
    best, rest = list(ranked.values())[:_EARLIER_BEST], list(ranked.values())[_EARLIER_BEST:]
    every = -(-len(rest) // _EARLIER_OTHERS) or 1
    return (*best, *rest[::every])


def all_first(request: Request, prior: Params | None, tried: Sequence[Params]) -> tuple[Params, ...]:
    """What comes before any configuration that is sampled: the hand-picked one, then what was asked for."""
    named = [*([prior] if prior is not None else []), *tried]
    distinct = [params for at, params in enumerate(named) if params not in named[:at]]
    if len(distinct) > request.trials:
        raise UsageError(
            f"{len(distinct)} configurations are to be tried first, a baseline counted, and only {request.trials} "
            f"trials in all: give --trials {len(distinct)} or more"
        )
    return tuple(distinct)
