"""The eight tables of the report on Fashion-MNIST, in its order, and the configuration it ends with.

Every figure is written with the digits the report prints. The report's tables are greedy: each starts from the row the
table before it chose, and so does `base` here.
"""

from decimal import Decimal

from hpo.study import Baseline, Params, ParamValue, Row, Sweep
from hpo.training import decoupled

__all__ = ["BASELINES", "SWEEPS"]


def _row(train: str, test: str, **setting: ParamValue) -> Row:
    return Row(setting=setting, reported={"train": Decimal(train), "test": Decimal(test)})


START: Params = {
    "conv_layers": 1,
    "kernel_size": 3,
    "filters": 32,
    "hidden_units": 128,
    "optimizer": "adam",
    "learning_rate": 0.001,
    "schedule": "constant",
    "loss": "categorical_crossentropy",
}
AFTER_KERNEL: Params = {**START, "kernel_size": 4}  # every later table until the schedules chose what it already had
FINAL: Params = {**AFTER_KERNEL, "schedule": "exponential-1000-0.9"}

SWEEPS = (
    Sweep(
        id="layers",
        title="Number of convolutional layers",
        base=START,
        rows=(
            _row("0.97", "0.913", conv_layers=1),
            _row("0.95", "0.911", conv_layers=2),
            _row("0.91", "0.89", conv_layers=3),
        ),
        chosen=0,
    ),
    Sweep(
        id="kernel",
        title="Kernel size of each convolutional layer",
        base=START,
        rows=(
            _row("0.96", "0.913", kernel_size=2),
            _row("0.97", "0.913", kernel_size=3),
            _row("0.97", "0.915", kernel_size=4),
            _row("0.97", "0.914", kernel_size=5),
            _row("0.96", "0.902", kernel_size=6),
            _row("0.95", "0.906", kernel_size=9),
        ),
        chosen=2,
    ),
    Sweep(
        id="filters",
        title="Number of filters of each convolutional layer",
        base=AFTER_KERNEL,
        rows=(
            _row("0.94", "0.9", filters=4),
            _row("0.95", "0.908", filters=8),
            _row("0.96", "0.911", filters=16),
            _row("0.97", "0.915", filters=32),
            _row("0.97", "0.913", filters=64),
            _row("0.97", "0.915", filters=128),
            _row("0.98", "0.913", filters=256),
        ),
        chosen=3,
    ),
    Sweep(
        id="hidden-units",
        title="Hidden units of the fully connected layer",
        base=AFTER_KERNEL,
        rows=(
            _row("0.94", "0.908", hidden_units=32),
            _row("0.96", "0.904", hidden_units=64),
            _row("0.97", "0.915", hidden_units=128),
            _row("0.98", "0.911", hidden_units=256),
            _row("0.98", "0.910", hidden_units=512),
        ),
        chosen=2,
    ),
    Sweep(
        id="optimizer",
        title="Optimizer, with Keras's default settings",
        base=AFTER_KERNEL,
        rows=(
            _row("0.97", "0.915", optimizer="adam"),
            _row("0.95", "0.903", optimizer="rmsprop"),
            _row("0.9", "0.89", optimizer="sgd", learning_rate=0.01),  # Keras's default rate for SGD
            _row("0.94", "0.911", optimizer="adamax"),
            _row("0.97", "0.912", optimizer="nadam"),
            _row("0.76", "0.75", optimizer="adadelta"),
            _row("0.84", "0.833", optimizer="adagrad"),
        ),
        chosen=0,
    ),
    Sweep(
        id="learning-rate",
        title="Learning rate of Adam",
        base=AFTER_KERNEL,
        rows=(
            _row("0.97", "0.915", learning_rate=0.001),
            _row("0.92", "0.88", learning_rate=0.01),
            _row("0.1", "0.1", learning_rate=0.1),
        ),
        chosen=0,
    ),
    Sweep(
        id="schedule",
        title="Learning-rate schedule of Adam",
        base=AFTER_KERNEL,
        rows=(
            _row("0.97", "0.915", schedule="exponential-10000-0.9"),
            _row("0.97", "0.92", schedule="exponential-1000-0.9"),
            _row("0.9", "0.88", schedule="exponential-100-0.9"),
            _row("0.95", "0.88", schedule="exponential-1000-0.8"),
        ),
        chosen=1,
    ),
    Sweep(
        id="loss",
        title="Loss function",
        base=FINAL,
        rows=(
            _row("0.97", "0.92", loss="categorical_crossentropy"),
            _row("0.97", "0.92", loss="poisson"),
            _row("0.97", "0.919", loss="kl_divergence"),
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
                "conv_layers": 1,
                "convolutions": 1,
                "kernel_size": 4,
                "padding": "valid",
                "filters": 32,
                "batch_norm": False,
                "hidden_units": 128,
                "dropout": 0.0,
                "optimizer": "adam",
                "adaptive_rate": decoupled(0.001, batch_size=32, momentum=None)[0],
                "schedule": "exponential",
                "decay_steps": 1_000,
                "decay_rate": 0.9,
                "batch_size": 32,
                "average": 0.0,
                "label_smoothing": 0.0,
                "augmentation": "none",
            }
        },
    ),
)
