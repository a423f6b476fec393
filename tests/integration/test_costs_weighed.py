"""A search's trials cost what their models say; whoever weighs them is told before anything is trained."""

import math
from dataclasses import replace
from typing import Any

import pytest
from test_objective_trials import LINE

from hpo import objective
from hpo.fleet.worker.work_loop import Server
from hpo.optuna_internals import USUAL_COST
from hpo.storage import Storage, studies
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import StudyPlan
from hpo.study import KFold, Params
from hpo.training.operation_counts import operations


def test_a_trial_costs_its_epochs_on_all_its_rows() -> None:
    params = {"rate": 0.01}
    made = operations(LINE.build(params), (4,))
    assert made is not None
    assert objective(LINE).cost(params) == 3 * made.epoch(100, 40)
    assert objective(LINE, fidelity="full").cost(params) == 6 * made.epoch(160, 40)
    folded = replace(LINE, evaluation=KFold(folds=4))
    assert objective(folded, fidelity="full").cost(params) == 6 * 4 * made.epoch(150, 50)


def test_a_climbing_search_weighs_costs_at_its_first_rung() -> None:
    assert objective(LINE, rungs=("quick", "full")).cost({"rate": 0.01}) == objective(LINE).cost({"rate": 0.01})


def broken(params: Params) -> Any:
    raise ValueError("no such network")


def test_an_infeasible_configuration_costs_without_end_and_an_unbuildable_one_nobody_knows_what() -> None:
    assert objective(LINE).cost({"rate": 1e-6}) == math.inf
    assert objective(replace(LINE, build=broken)).cost({"rate": 0.01}) is None


UNWEIGHED = replace(LINE, weigh_costs=False)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("attribute", "how", "weighs"),
    [
        ("LINE", {}, True),
        ("LINE", {"sampler": "random"}, True),
        ("LINE", {"sampler": "qmc"}, False),
        ("LINE", {"objectives": "mae,parameters"}, False),
        ("UNWEIGHED", {}, False),
    ],
)
def test_a_worker_weighs_costs_as_study_and_definition_say(
    store: Storage, plan: StudyPlan, attribute: str, how: dict[str, Any], weighs: bool
) -> None:
    definition = {"LINE": LINE, "UNWEIGHED": UNWEIGHED}[attribute]
    space = definition.space("wide")
    asked = replace(
        plan,
        reference=f"{__file__}:{attribute}",
        definition=definition.name,
        space=space.name,
        fingerprint=space.fingerprint,
        fidelity="quick",
        direction="minimize",
        metric="mae",
        **how,
    )
    studies.create_or_resume(store, asked)
    Slots(store).open(asked.name, 1)
    assert Server(store, asked.name).run() == "drained"
    kept = store.rdb.get_study_system_attrs(store.rdb.get_study_id_from_name(asked.name))
    assert kept.get(USUAL_COST) == (objective(LINE, space="wide").cost({"rate": 0.01}) if weighs else None)


def test_turning_off_cost_weighing_changes_the_definitions_version() -> None:
    assert UNWEIGHED.version != LINE.version
