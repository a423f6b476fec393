"""The texts of the files that `hpo init` writes, each a tutorial that runs as it is.

A stand-in does the training until somebody puts their own in its place.
"""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path

from hpo.experiments.starter_record import Starter
from hpo.study.direction import MAXIMIZE
from hpo.study.placeholders import as_text
from hpo.study.space import Categorical, Domain, Int, ParamValue

__all__ = ["TEXTS", "program"]


def _by_hand(params: Mapping[str, Domain]) -> dict[str, ParamValue]:
    """A configuration as somebody might pick it: the first choices, the lower ends."""
    return {name: each.choices[0] if isinstance(each, Categorical) else each.low for name, each in params.items()}


def _loss(params: Mapping[str, Domain], prefix: str = "") -> str:
    """An expression that is least somewhere in the middle; with `prefix` of what a program was given."""
    terms = []
    for name, each in params.items():
        here = f"{prefix}{name}"
        if isinstance(each, Categorical):
            best = each.choices[-1]
            told = as_text(best) if prefix and _typed(each) is str else best  # a program is told texts
            terms.append(f"0.1 * ({here} != {_python(told)})")
        elif each.log:
            terms.append(f"(math.log({here} / {(each.low * each.high) ** 0.5:.4g}) / 4) ** 2")
        else:
            terms.append(f"(({here} - {(each.low + each.high) / 2:.4g}) / {(each.high - each.low) or 1:.4g}) ** 2")
    return " + ".join(terms)


def _score(wanted: Starter) -> str:
    return "1 / (1 + loss)" if wanted.direction == MAXIMIZE else "loss"


def _suggested(name: str, each: Domain) -> str:
    if isinstance(each, Categorical):
        choices = ", ".join(map(_python, each.choices))
        return f"{name} = trial.suggest_categorical({_text(name)}, [{choices}])"
    kind = "int" if isinstance(each, Int) else "float"
    more = ", log=True" if each.log else "" if each.step in (None, 1) else f", step={each.step!r}"
    return f"{name} = trial.suggest_{kind}({_text(name)}, {each.low!r}, {each.high!r}{more})"


def _objective(path: Path, wanted: Starter) -> str:
    here = f"{path.name}:objective"
    hand = ", ".join(f"{_text(name)}: {_python(value)}" for name, value in _by_hand(wanted.params).items())
    suggested = "\n".join(f"    {_suggested(name, each)}" for name, each in wanted.params.items())
    return f'''"""A search over an Optuna objective.

    hpo optimize {shlex.quote(here)} --trials 30
    hpo best {shlex.quote(path.stem)}
    hpo compare {shlex.quote(path.stem)} --pairs 12

The same command again goes on where it stopped, and a larger --trials adds more.
"""

import math
import random

import optuna

import hpo


# What you would pick by hand.
BY_HAND = {{{hand}}}


@hpo.tunable(
    direction={_text(wanted.direction)},  # which values are better
    metric={_text(wanted.metric)},  # what the value is called
    name={_text(path.stem)},  # of the study
    baselines={{"by hand": BY_HAND}},  # tried first, and what the best is compared with
    seeds=True,  # its chance comes from hpo.seed(trial): the best are run again, and hpo compare runs pairs
)
def objective(trial):
    """Minds a stand-in for a training."""
    # What is varied, and where. A parameter that is suggested under an `if` exists only then.
{suggested}

    # All chance comes from this seed: give it to NumPy, Keras or PyTorch as well.
    chance = random.Random(hpo.seed(trial))

    # Put your own training in place of this; import heavy libraries here, within the function.
    goal = {_loss(wanted.params)}
    for epoch in range(10):
        loss = goal + 1 / (epoch + 1) + chance.gauss(0.0, 0.01)
        value = {_score(wanted)}

        # What is told after each epoch lets a pruner end what is hopeless.
        trial.report(value, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned

    # Measure it on rows for validation: those of a final test stay out of the search.
    return value
'''


def _definition(path: Path, wanted: Starter) -> str:  # noqa: ARG001 - as the others
    here = f"{path.name}:study"
    return f'''"""A study definition: hpo trains and measures the Keras model of each configuration.

    hpo show {shlex.quote(here)}
    hpo optimize {shlex.quote(here)} --trials 20
    hpo compare {shlex.quote(path.stem)} --pairs 12
    hpo train {shlex.quote(here)} --config best -o model.keras

The same command again goes on where it stopped, and a larger --trials adds more.
"""

import numpy as np

from hpo.data import Dataset, Rows
from hpo.study import Baseline, Fidelity, Float, Int, KFold, Space, StudyDefinition
from hpo.training import Recipe


def data():
    """The rows to develop on, and rows to test on that no search ever sees: put your own here.

    It is called once in each worker, so whatever it draws has a seed.
    """
    random = np.random.default_rng(0)
    x = random.normal(size=(400, 4)).astype("float32")  # (rows, inputs)
    y = (x[:, 0] * x[:, 1] > 0).astype("int32")  # (rows,) class numbers from 0
    return Dataset(name={_text(path.stem)}, development=Rows(x=x[:300], y=y[:300]), test=Rows(x=x[300:], y=y[300:]))


def build(params):
    """The model of a configuration, not compiled, and how it is trained."""
    import keras  # here, not above: the commands that train nothing then start at once

    # hpo adapts a Normalization layer on the training rows of each fold, and on no others.
    model = keras.Sequential([keras.Input((4,)), keras.layers.Normalization()])
    for _ in range(params["layers"]):
        model.add(keras.layers.Dense(params["units"], activation="relu"))
    model.add(keras.layers.Dense(2, activation="softmax"))
    optimizer = keras.optimizers.Adam(params["learning_rate"])
    return Recipe(model=model, optimizer=optimizer, loss="sparse_categorical_crossentropy", batch_size=32)


# What is varied: Int, Float and Categorical; when={{"layers": (2, 3)}} makes a parameter exist only then.
space = Space(
    name="small",
    params={{
        "layers": Int(low=1, high=3),
        "units": Int(low=4, high=64, log=True),
        "learning_rate": Float(low=1e-4, high=0.1, log=True),
    }},
)

# What you would pick by hand: tried first, and what the best is compared with.
by_hand = Baseline(name="by-hand", title="A first guess", params={{"layers": 1, "units": 16, "learning_rate": 1e-3}})

study = StudyDefinition(
    name={_text(path.stem)},
    title="The sign of a product",
    data=data,
    build=build,
    metric="accuracy",
    direction="maximize",
    spaces=(space,),
    evaluation=KFold(folds=3),  # how a configuration is judged, on the rows to develop on
    fidelities=(Fidelity(name="quick", epochs=20),),  # how much work that is; several are climbed, the cheapest first
    baselines=(by_hand,),
)
'''


def _command(path: Path, wanted: Starter) -> str:
    words = wanted.command or f"python3 {path.with_suffix('.py').name} --seed={{seed}}"
    command = words if "{" in words and "{params}" in words else f"{words} {{params}}"
    space = "\n".join(f"[space.{name}]\n{_table(each)}" for name, each in wanted.params.items())
    hand = "\n".join(f"{name} = {_text(value)}" for name, value in _by_hand(wanted.params).items())
    seeded = (
        "# With {seed} in the command the best are run again with new seeds, and hpo compare runs pairs.\n"
        if "{seed}" in command
        else "# A program that takes a seed is told it by {seed}: then the best are run again, and hpo compare works.\n"
    )
    return f"""# A search over a program, in whatever language: docs/programs.md tells all that may stand here.
#
#   hpo optimize {shlex.quote(path.name)} --trials 30
#   hpo best {shlex.quote(path.stem)}
#   hpo compare {shlex.quote(path.stem)} --pairs 12
#
# The same command again goes on where it stopped, and a larger --trials adds more.

# {{params}} stands for all parameters, as --NAME VALUE; a parameter's name in braces for its value alone.
{seeded}command = {_text(command)}

direction = {_text(wanted.direction)}  # which values are better
metric = {_text(wanted.metric)}  # what the value is called

# The value is the last line that the program prints. Where it is elsewhere, say so:
# [value]
# pattern = 'final {wanted.metric} (\\S+)'

# What it prints on its way lets a pruner end what is hopeless.
[reports]
pattern = 'epoch (?P<step>\\d+): (?P<value>\\S+)'

# What is varied: float and int with low, high, log or step; choices. With when = {{ optimizer = "sgd" }} a parameter
# exists only then.
{space}
# What you would pick by hand: tried first, and what the best is compared with.
[baselines."by hand"]
{hand}
"""


def program(path: Path, wanted: Starter) -> str:
    """The program that stands in for a training, beside its file `path`."""
    arguments = "\n".join(_argument(name, each) for name, each in wanted.params.items())
    return f'''"""A stand-in for a training, which {path.name} tells what to do: put your own in its place."""

import argparse
import math
import random

parser = argparse.ArgumentParser()
{arguments}
parser.add_argument("--seed", type=int, default=0)
given = parser.parse_args()

chance = random.Random(given.seed)
goal = {_loss(wanted.params, "given.")}
for epoch in range(10):
    loss = goal + 1 / (epoch + 1) + chance.gauss(0.0, 0.01)
    value = {_score(wanted)}
    print(f"epoch {{epoch}}: {{value:.6f}}")
print(value)
'''


def _argument(name: str, each: Domain) -> str:
    return f'parser.add_argument("--{name}", type={_typed(each).__name__}, required=True)'


def _typed(each: Domain) -> type:
    """What a program takes a value for: texts, unless all are numbers of one kind."""
    if not isinstance(each, Categorical):
        return int if isinstance(each, Int) else float
    alike = (kind for kind in (int, float) if all(type(choice) is kind for choice in each.choices))
    return next(alike, str)


def _table(each: Domain) -> str:
    if isinstance(each, Categorical):
        return f"choices = {_text(list(each.choices))}\n"
    lines = [f'type = "{type(each).__name__.lower()}"', f"low = {_text(each.low)}", f"high = {_text(each.high)}"]
    if each.log:
        lines.append("log = true")
    if each.step not in (None, 1):
        lines.append(f"step = {_text(each.step)}")
    return "\n".join(lines) + "\n"


def _text(value: object) -> str:
    """A value as TOML writes it, which is how JSON does, and Python its texts."""
    return json.dumps(value, ensure_ascii=False)


def _python(value: ParamValue) -> str:
    """A value as Python writes it, texts in double quotes."""
    return _text(value) if isinstance(value, str) else repr(value)


TEXTS = {"objective": _objective, "definition": _definition, "command": _command}
"""Of each kind: (the file, what it shall say) -> its text."""
