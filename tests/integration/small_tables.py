"""The line through four features with two tables: rates from slow to fast, and kinds of which two cannot be trained."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import small

from hpo.study import Params, Row, Sweep

FILE = str(Path(__file__).resolve())
BASE: Params = {"rate": 0.0001, "kind": "plain"}

study = replace(
    small.study,
    name="tables",
    sweeps=(
        Sweep(
            id="rate",
            title="Learning rate",
            base=BASE,
            rows=(
                Row(setting={"rate": 0.0001}, reported={"test": Decimal("3.1")}),
                Row(setting={"rate": 0.05}, reported={"test": Decimal("0.5"), "train": Decimal("0.5")}),
            ),
            chosen=0,
        ),
        Sweep(
            id="kind",
            title="Kind",
            base=BASE,
            rows=(
                Row(setting={"kind": "plain"}),
                Row(setting={"kind": "impossible"}),
                Row(setting={"kind": "explodes"}),
            ),
            chosen=0,
        ),
    ),
)
