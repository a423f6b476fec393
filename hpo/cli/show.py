"""`hpo show`: a definition, or what is known of an objective, without training or storing anything."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.options import AsJson, Definition, examples
from hpo.cli.printing.console import count, document, evaluation_words, fidelity_words, figure, size_words, table, tell
from hpo.errors import UsageError

if TYPE_CHECKING:
    from hpo.study import Ablation, Domain, Space, StudyDefinition, Sweep
    from hpo.study.plain_objective import PlainObjective
    from hpo.study.searchable import Searchable

__all__ = ["register", "show"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples(
        "hpo show cnn",
        "hpo show fcnn --json",
        "hpo show ./wine.py:study --build",
        "hpo show tune.py:objective",
    )
    app.command(short_help="Show what can be searched: spaces, baselines, sweeps.", epilog=epilog)(show)


def show(
    definition: Definition,
    build: Annotated[
        bool,
        typer.Option(
            "--build",
            help="Load the data and build one model, to say whether the compiled loop or Keras's fit trains it; "
            "seconds.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a definition: spaces, baselines, fidelities, sweeps and claims, with the figures their source gives."""
    from hpo.experiments import training_way
    from hpo.experiments.definition_document import definition_document
    from hpo.study import StudyDefinition, registry
    from hpo.study.plain_objective import PlainObjective

    study = registry.find(definition)
    if isinstance(study, PlainObjective) and build:
        raise UsageError(f"{study.name} trains by itself, so there is no model of it to build: leave --build out")
    way = training_way.built(study) if build and isinstance(study, StudyDefinition) else None
    if as_json:
        found = definition_document(study)
        document(found if way is None else {**found, "trained_by": way.to_json()})
        return
    if isinstance(study, PlainObjective):
        _objective(study)
        return
    study = registry.load(definition)
    tell(f"{study.name}: {study.title}")
    unit = f", in {study.unit}" if study.unit else ""
    weighted = ", rows by their weights" if study.weighted else ""
    tell(f"{study.direction} {study.metric}{unit}{weighted}; {evaluation_words(study.evaluation)}")
    way = way or training_way.declared(study)
    tell(str(way or "trained by the compiled loop, or by Keras's own fit where that cannot take a model: --build says"))
    for space in study.spaces:
        _space(space, default=space is study.spaces[0])
    _baselines(study)
    rows = [[f.name, fidelity_words(f, study.evaluation, study.labels)] for f in study.fidelities]
    table(
        ["fidelity", "work of one trial"],
        rows,
        title="Fidelities (a search uses the first, a measurement the last)",
        text=(1,),
    )
    for sweep in study.sweeps:
        _sweep(sweep)
    for ablation in study.ablations:
        _ablation(ablation)
    _claims(study)


def _objective(objective: "PlainObjective") -> None:
    """All that is known of a function before it runs."""
    tell(f"{objective.name}: {objective.title}")
    if objective.directions:
        goals = [f"{a} {b}" for a, b in zip(objective.directions, objective.named_metrics, strict=True)]
        tell(f"{' and '.join(goals)}{f', in {objective.unit}' if objective.unit else ''}")
    else:
        tell("it does not say which values are better: --direction does")
    if objective.program is None:
        tell("its parameters are what it suggests to a trial: hpo trial and hpo importance show them once it has run")
    again = (
        "and its best are run again with new seeds" if len(objective.directions) < 2 else "though nothing is run again"
    )
    tell(f"it takes its seed from its trial, {again}" if objective.seeds else "it takes no seed from its trial")
    tell()
    if objective.program is not None:
        _space(objective.space(), default=False)
    _baselines(objective)


def _space(space: "Space", *, default: bool) -> None:
    rows = [[name, _domain(domain), _condition(domain)] for name, domain in space.params.items()]
    headings = ["parameter", "values", "only where"]
    if not any(domain.when for domain in space.params.values()):
        headings, rows = headings[:2], [row[:2] for row in rows]
    table(
        headings, rows, title=f"Space {space.name}{' (default)' if default else ''}: {size_words(space)}", text=(1, 2)
    )


def _domain(domain: "Domain") -> str:
    from hpo.study import Categorical

    if isinstance(domain, Categorical):
        return ", ".join(figure(choice) if choice is not None else "none" for choice in domain.choices)
    step = f" in steps of {figure(domain.step)}" if domain.step not in (None, 1) else ""
    return f"{figure(domain.low)} … {figure(domain.high)}{step}{', log' if domain.log else ''}"


def _condition(domain: "Domain") -> str:
    return " and ".join(
        f"{parent} is {' or '.join(figure(value) for value in values)}" for parent, values in domain.when.items()
    )


def _baselines(study: "Searchable") -> None:
    if not study.baselines:
        return
    names = list(dict.fromkeys(name for baseline in study.baselines for name in baseline.params))
    rows = [[name, *(_value(baseline.params, name) for baseline in study.baselines)] for name in names]
    table(["parameter", *(b.name for b in study.baselines)], rows, title="Baselines")
    for baseline in study.baselines:
        tell(f"  {baseline.name}: {baseline.title}")
    tell()


def _value(params: Mapping[str, object], name: str) -> str:
    return figure(params[name]) if name in params else ""


def _sweep(sweep: "Sweep") -> None:
    settings = list(dict.fromkeys(name for row in sweep.rows for name in row.setting))
    figures = list(dict.fromkeys(name for row in sweep.rows for name in row.reported))
    rows = list(_sweep_rows(sweep, settings, figures))
    right = range(len(settings), len(settings) + len(figures))
    table([*settings, *figures, ""], rows, title=f"Sweep {sweep.id}: {sweep.title}", right=right)


def _ablation(ablation: "Ablation") -> None:
    """What is plain and what is full, and the techniques between them."""
    ends = ablation.plain, ablation.full
    names = [name for name in dict.fromkeys([*ends[0], *ends[1]]) if ends[0].get(name) != ends[1].get(name)]
    rows = [[name, *(_value(params, name) for params in ends)] for name in names]
    table(["parameter", "plain", "full"], rows, title=f"Ablation {ablation.id}: {ablation.title}")
    tell(f"  alone and in company: {', '.join(one.name for one in ablation.techniques)}")
    tell()


def _sweep_rows(sweep: "Sweep", settings: list[str], figures: list[str]) -> Iterator[list[str]]:
    for number, row in enumerate(sweep.rows):
        reported = [_printed(row.reported.get(name)) for name in figures]
        yield [*(_value(row.setting, name) for name in settings), *reported, "chosen" if number == sweep.chosen else ""]


def _printed(value: Decimal | None) -> str:
    return "" if value is None else str(value)  # with the digits the report gives, 0.910 and not 0.91


def _claims(study: "StudyDefinition") -> None:
    if not study.claims:
        return
    rows = [[c.source, c.id, c.text, str(len(c.contrasts)) if c.contrasts else "none"] for c in study.claims]
    title = f"{count(len(study.claims), 'claim')} of the {study.source}, each tested by comparing rows of its sweeps"
    table(["section", "claim", "what it says", "comparisons"], rows, title=title, right=(3,), text=(2,))
    if study.margin is not None:
        unit = f" {study.unit}" if study.unit else ""
        tell(f"A difference of {figure(study.margin)}{unit} in {study.metric} is too small to matter.")
