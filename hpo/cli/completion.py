"""What the shell offers after Tab: names that are known without starting anything heavy.

A completion never fails: where names cannot be had, nothing is offered.
"""

from collections.abc import Callable, Iterable
from typing import Any

import typer

from hpo.cli.printing.console import apart
from hpo.settings import PRUNERS, SAMPLERS

__all__ = [
    "baselines",
    "configs",
    "definitions",
    "fidelities",
    "pruners",
    "samplers",
    "spaces",
    "studies",
    "submittable",
    "sweeps",
]

Offer = list[tuple[str, str]]  # (what is put on the line, what is said of it)


def definitions(incomplete: str) -> Offer:
    """Names of the installed definitions, from their entry points: nothing of them is imported."""
    from importlib.metadata import entry_points

    return _fitting(((point.name, point.value) for point in entry_points(group="hpo.studies")), incomplete)


def samplers(incomplete: str) -> Offer:
    """Names of samplers."""
    return _fitting(SAMPLERS.items(), incomplete)


def pruners(incomplete: str) -> Offer:
    """Names of pruners."""
    return _fitting(PRUNERS.items(), incomplete)


def spaces(ctx: typer.Context, incomplete: str) -> Offer:
    """Names of the spaces of the definition on the line."""
    return _of_definition(ctx, incomplete, lambda d: ((s.name, f"{len(s.params)} parameters") for s in d.spaces))


def fidelities(ctx: typer.Context, incomplete: str) -> Offer:
    """Names of the fidelities of the definition on the line."""
    return _of_definition(ctx, incomplete, lambda d: ((f.name, f"{f.epochs} epochs") for f in d.fidelities))


def baselines(ctx: typer.Context, incomplete: str) -> Offer:
    """Names of the baselines of the definition on the line."""
    return _of_definition(ctx, incomplete, lambda d: ((b.name, b.title) for b in d.baselines))


def sweeps(ctx: typer.Context, incomplete: str) -> Offer:
    """Ids of the tables of the definition on the line."""
    return _of_definition(ctx, incomplete, lambda d: ((s.id, s.title) for s in d.tables))


def configs(ctx: typer.Context, incomplete: str) -> Offer:
    """What `--config` takes: best, or a baseline."""
    return _fitting([("best", "the best trial of its search")], incomplete) + baselines(ctx, incomplete)


def studies(ctx: typer.Context, incomplete: str) -> Offer:
    """Names of the studies in the storage that the line, the environment or the default gives."""
    try:
        from hpo import storage
        from hpo.settings import storage_url
        from hpo.storage.queries.status import names

        return _fitting(names(storage.open(ctx.params.get("storage") or storage_url())), incomplete)
    except Exception:
        return []


def submittable(ctx: typer.Context, incomplete: str) -> Offer:
    """Installed definitions, and the studies of the storage."""
    return definitions(incomplete) + studies(ctx, incomplete)


def _of_definition(ctx: typer.Context, incomplete: str, names: Callable[[Any], Iterable[tuple[str, str]]]) -> Offer:
    try:
        from hpo.study import registry

        # An option still without its value leaves the arguments before it unassigned, but in order.
        definition = ctx.params.get("definition") or ctx.args[0]
        with apart():
            loaded = registry.find(definition)
        return _fitting(names(loaded), incomplete)
    except Exception:
        return []


def _fitting(names: Iterable[tuple[str, str]], incomplete: str) -> Offer:
    return [(name, " ".join(said.split())) for name, said in names if name.startswith(incomplete)]
