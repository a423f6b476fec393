"""What a definition says of itself, for programs: all of it that is no code."""

from typing import Any

from hpo.study import Ablation, Claim, StudyDefinition, Sweep
from hpo.study.plain_objective import PlainObjective
from hpo.study.searchable import Searchable

__all__ = ["definition_document"]


def definition_document(found: Searchable) -> dict[str, Any]:
    """The definition as `hpo show --json` prints it; of an objective, what is known of it before it runs."""
    if isinstance(found, PlainObjective):
        return _objective(found)
    assert isinstance(found, StudyDefinition)  # there is no third kind
    return _definition(found)


def _objective(objective: PlainObjective) -> dict[str, Any]:
    return {
        "name": objective.name,
        "title": objective.title,
        "metrics": objective.named_metrics,
        "unit": objective.unit,
        "directions": objective.directions,
        "spaces": {} if objective.program is None else {s.name: s.to_json() for s in objective.spaces},
        "command": None if objective.program is None else objective.program.command,
        "baselines": {baseline.name: dict(baseline.params) for baseline in objective.baselines},
        "seeds": objective.seeds,
        "margin": objective.margin,
        "version": objective.version,
    }


def _definition(study: StudyDefinition) -> dict[str, Any]:
    from hpo.experiments.training_way import declared  # what it needs of hpo.training no server needs to start

    way = declared(study)
    return {
        "name": study.name,
        "title": study.title,
        "metric": study.metric,
        "unit": study.unit,
        "direction": study.direction,
        "spaces": {space.name: space.to_json() for space in study.spaces},
        "baselines": {baseline.name: dict(baseline.params) for baseline in study.baselines},
        "source": study.source,
        "sweeps": [_sweep_json(sweep) for sweep in study.sweeps],
        "ablations": [_ablation_json(ablation) for ablation in study.ablations],
        "fidelities": {
            f.name: {"epochs": f.epochs, "rows": f.rows, "folds": f.folds, "steps": f.steps} for f in study.fidelities
        },
        "claims": [_claim_json(claim) for claim in study.claims],
        "margin": study.margin,
        "trained_by": None if way is None else way.to_json(),  # None: a model tells, once it is built
    }


def _sweep_json(sweep: Sweep) -> dict[str, Any]:
    rows = [{"setting": dict(row.setting), "reported": dict(row.reported)} for row in sweep.rows]
    return {"id": sweep.id, "title": sweep.title, "base": dict(sweep.base), "rows": rows, "chosen": sweep.chosen}


def _ablation_json(ablation: Ablation) -> dict[str, Any]:
    techniques = [
        {"name": one.name, "alone": dict(one.alone), "without": dict(one.without)} for one in ablation.techniques
    ]
    ends = {"plain": dict(ablation.plain), "full": dict(ablation.full)}
    return {"id": ablation.id, "title": ablation.title, **ends, "techniques": techniques}


def _claim_json(claim: Claim) -> dict[str, Any]:
    contrasts = [
        {"sweep": c.sweep, "figure": c.figure, "rows": c.rows, "relation": c.relation, "than": c.than}
        for c in claim.contrasts
    ]
    return {"id": claim.id, "text": claim.text, "source": claim.source, "contrasts": contrasts}
