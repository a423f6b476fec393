"""A search whose every name and reason tries to break out of a page, written without training."""

import json
import random
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState, create_trial

from hpo import storage
from hpo.storage import schema, studies
from hpo.storage.engine import exclusive
from hpo.storage.slots.slots import Slots
from hpo.study import registry

EVIL = "</script><script>window.broken=1</script><img src=x onerror=window.broken=1>\u2028'\"&{{7*7}}"
DEFINITION = f"""
from decimal import Decimal
import numpy as np
from hpo.data import Dataset, Rows
from hpo.study import *

EVIL = {EVIL!r}

def data():
    x = np.arange(40, dtype=np.float32).reshape(10, 4)
    return Dataset(name=EVIL, development=Rows(x=x[:8], y=x[:8, 0]), test=Rows(x=x[8:], y=x[8:, 0]))

def nothing(*_):
    raise AssertionError("nothing is trained here")

hand = {{"rate": 0.01, "units": 16, "kind": EVIL}}
study = StudyDefinition(
    name="evil", title=EVIL, data=data, build=nothing, metric="accuracy", direction="maximize",
    spaces=(Space(name="all", params={{"rate": Float(low=1e-4, high=1.0, log=True), "units": Int(low=4, high=64),
                                       "kind": Categorical(choices=("plain", EVIL))}}),),
    evaluation=Holdout(rows=2), fidelities=(Fidelity(name="quick", epochs=3), Fidelity(name="full", epochs=9)),
    baselines=(Baseline(name="by-hand", title=EVIL, params=hand),),
    sweeps=(Sweep(id="units", title=EVIL, base=hand, chosen=0, rows=(
        Row(setting={{"units": 8}}, reported={{"test": Decimal("0.9")}}),
        Row(setting={{"units": 16}}, reported={{"test": Decimal("0.8")}}))),),
)
"""
HAND: dict[str, Any] = {"rate": 0.01, "units": 16, "kind": EVIL}


def write(folder: Path, trials: int, name: str = "evil-all-quick") -> str:
    """Write the definition and a finished search of it into `folder`; the storage's URL."""
    file = folder / "evil.py"
    file.write_text(DEFINITION)
    definition = registry.load(f"{file}:study")
    url = f"sqlite:///{folder / 'hpo.db'}"
    opened = storage.prepare(url)
    studies.create_or_resume(
        opened,
        studies.StudyPlan(
            name=name, reference=f"{file}:study", definition="evil", space="all", seed=1, sampler="random",
            fingerprint=definition.space().fingerprint, fidelity="quick", direction="maximize", metric="accuracy",
            pruner="none",
        ),
    )  # fmt: skip
    if trials:
        Slots(opened).open(name, trials)
        _fill(opened, name, trials)
    opened.close()
    return url


def _fill(opened: storage.Storage, name: str, trials: int) -> None:
    draw = random.Random(1)
    table = schema.slots
    distributions: dict[str, optuna.distributions.BaseDistribution] = {
        "rate": optuna.distributions.FloatDistribution(1e-4, 1.0, log=True),
        "units": optuna.distributions.IntDistribution(4, 64),
        "kind": optuna.distributions.CategoricalDistribution(("plain", EVIL)),
    }
    states = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
    with exclusive(opened.engine) as connection:
        study = optuna.load_study(study_name=name, storage=opened.optuna_within(connection))
        for number in range(trials):
            exponent, units, kind = draw.uniform(-4, 0), draw.randint(4, 64), draw.choice(("plain", EVIL))
            params = {"rate": 10**exponent, "units": units, "kind": kind} if number else HAND
            outcome = "failed" if number % 50 == 49 else "pruned" if number % 5 == 4 else "complete"
            value = None if outcome == "failed" else 0.9 - 0.05 * (exponent + 2) ** 2 + draw.gauss(0, 0.01)
            study.add_trial(
                create_trial(
                    state=states[outcome],
                    value=value,
                    params=params,
                    distributions=distributions,
                    system_attrs={"hpo:slot": number + 1, "hpo:attempt": 1, "hpo:position": number},
                )
            )
            settled = {
                "state": "settled",
                "attempt": 1,
                "worker": EVIL,
                "started_at": 1e9 + number,
                "settled_at": 1e9 + number + 2,
                "trial_number": number,
                "params": json.dumps(params),
                "outcome": outcome,
                "value": value,
                "reason": None if outcome == "complete" else EVIL,
            }
            connection.execute(
                table.update().where(table.c.study_id == schema.id_of(name), table.c.position == number).values(settled)
            )
