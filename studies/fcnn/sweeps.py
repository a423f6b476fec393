"""The six tables of the report on Boston Housing, in its order, and the configuration it ends with.

Every figure is written with the digits the report prints: mean absolute errors in thousands of dollars, training times
in seconds on the report's own machine. Each table starts from the row the table before it chose, and so does `base`.
"""

from decimal import Decimal

from hpo.study import Baseline, Params, ParamValue, Row, Sweep
from hpo.training import decoupled

__all__ = ["BASELINES", "SWEEPS"]


def _row(train: str, test: str, seconds: str | None = None, /, **setting: ParamValue) -> Row:
    figures = {"train": train, "test": test} | ({"seconds": seconds} if seconds else {})
    return Row(setting=setting, reported={name: Decimal(figure) for name, figure in figures.items()})


START: Params = {
    "hidden_layers": 1,
    "hidden_units": 32,
    "activation": "relu",
    "output_activation": "linear",
    "optimizer": "adam",
    "loss": "mean_squared_error",
    "dropout": 0.0,
}
AFTER_LAYERS: Params = {**START, "hidden_layers": 4}
FINAL: Params = {**AFTER_LAYERS, "hidden_units": 128}  # no later table changed it

SWEEPS = (
    Sweep(
        id="layers",
        title="Number of hidden layers",
        base=START,
        rows=(
            _row("2.35", "3.14", "8.9", hidden_layers=1),
            _row("1.69", "2.70", "10.6", hidden_layers=2),
            _row("1.50", "2.71", "9.46", hidden_layers=3),
            _row("1.20", "2.50", "10.64", hidden_layers=4),
            _row("1.13", "2.61", "10.69", hidden_layers=5),
            _row("0.83", "2.66", "10.16", hidden_layers=6),
        ),
        chosen=3,
    ),
    Sweep(
        id="hidden-units",
        title="Hidden units of each layer",
        base=AFTER_LAYERS,
        rows=(
            _row("2.37", "3.46", hidden_units=4),
            _row("1.98", "2.95", hidden_units=8),
            _row("1.56", "2.68", hidden_units=16),
            _row("1.20", "2.50", hidden_units=32),
            _row("0.99", "2.36", hidden_units=64),
            _row("0.7", "2.3", hidden_units=128),
            _row("0.54", "2.35", hidden_units=256),
        ),
        chosen=5,
    ),
    Sweep(
        id="activation",
        title="Activation of the hidden layers and of the output",
        base=FINAL,
        rows=(
            _row("0.7", "2.3", activation="relu"),
            _row("1.83", "2.58", activation="sigmoid"),
            _row("0.73", "2.53", activation="tanh"),
            _row("0.98", "2.53", activation="selu"),
            _row("2.05", "2.94", activation="sigmoid-relu"),
            _row("0.6", "2.47", activation="tanh-relu"),
            _row("0.56", "2.22", activation="relu", output_activation="relu"),
        ),
        chosen=0,
    ),
    Sweep(
        id="optimizer",
        title="Optimizer",
        base=FINAL,
        rows=(
            _row("0.7", "2.3", "21.2", optimizer="adam"),
            _row("2.4", "3.5", "21.3", optimizer="rmsprop"),
            _row("1.01", "2.5", "14", optimizer="sgd"),
            _row("0.85", "2.34", "21.1", optimizer="adadelta"),
            _row("0.93", "2.21", "21.1", optimizer="adamax"),
        ),
        chosen=0,
    ),
    Sweep(
        id="loss",
        title="Loss function",
        base=FINAL,
        rows=(
            _row("0.7", "2.3", loss="mean_squared_error"),
            _row("0.66", "2.41", loss="mean_absolute_error"),
            _row("0.83", "2.42", loss="mean_absolute_percentage_error"),
            _row("0.67", "2.25", loss="mean_squared_logarithmic_error"),
            _row("0.5", "2.3", loss="huber"),
            _row("0.5", "2.33", loss="log_cosh"),
        ),
        chosen=0,
    ),
    Sweep(
        id="dropout",
        title="Dropout behind each hidden layer",
        base=FINAL,
        rows=(
            _row("0.7", "2.3", dropout=0.0),
            _row("1.5", "2.9", dropout=0.1),
            _row("3", "3.9", dropout=0.2),
            _row("3.45", "3.9", dropout=0.3),
            _row("4.03", "3.9", dropout=0.4),
        ),
        chosen=0,
    ),
)

BASELINES = (
    Baseline(
        name="report",
        title="The report's final configuration",
        params=FINAL,
        elsewhere={
            "wide": {
                "hidden_layers": 4,
                "hidden_units": 128,
                "activation": "relu",
                "initializer": "glorot_uniform",
                "optimizer": "adam",
                "adaptive_rate": decoupled(0.001, batch_size=32, momentum=None)[0],
                "schedule": "constant",
                "batch_size": 32,
                "average": 0.0,
                "dropout": 0.0,
                "loss": "mean_squared_error",
            }
        },
    ),
)
