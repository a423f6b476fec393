"""What a report finds of looks into networks: those of the definition's tables beside those of the search."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import small_tables

from hpo import storage
from hpo.experiments.findings.gathering import gather
from hpo.experiments.measure import Limits
from hpo.experiments.sweep.sweep_plan import SweepRequest, plan_sweep
from hpo.experiments.sweep.sweep_run import run_sweep
from hpo.report.figures import network_charts
from hpo.storage import studies
from hpo.storage.studies import StudyPlan

FILE = str(Path(__file__).resolve())
study = replace(small_tables.study, name="seen", probe_rows=16, layered=("rate",))


@pytest.mark.thorough
def test_a_tables_networks_are_found_and_drawn_row_by_row(tmp_path: Path) -> None:
    url, reference = f"sqlite:///{tmp_path / 'hpo.db'}", f"{FILE}:study"
    opened = storage.prepare(url)
    plan = StudyPlan(
        name="searched", reference=reference, definition="seen", space="line", fingerprint=study.space().fingerprint,
        fidelity="quick", direction="minimize", metric="mae", seed=7, sampler="random", pruner="none",
    )  # fmt: skip
    studies.create_or_resume(opened, plan)
    request = SweepRequest(definition=reference, sweeps=("rate", "kind"), storage=url, limits=Limits(workers=1))
    with closing(plan_sweep(request)) as sweep:
        run_sweep(sweep)
    findings = gather(opened, "searched")
    opened.close()
    rates = study.sweeps[0]
    by_rate = {one.params["rate"]: one for one in findings.networks if one.params["kind"] == "plain"}
    assert [one.swept for one in findings.networks] == [True] * 3  # one cannot be trained: nothing to look into
    assert all(one.after is not None and one.after.epoch == 1 for one in by_rate.values())
    charts = network_charts.layers_data(findings)
    assert charts is not None
    assert len(charts[0].lines) == len(rates.rows) == 2
    assert by_rate[0.05].start.layers[0].gradient_norm == by_rate[0.0001].start.layers[0].gradient_norm > 0
