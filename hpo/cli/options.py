"""Arguments and options that commands share, with one wording; numbers as they are typed; examples in help."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, cast

import typer

from hpo.cli import completion
from hpo.errors import UsageError
from hpo.settings import DEFAULT_PRUNER, DEFAULT_SAMPLER, KEPT_MODELS, MOST_KEPT_MODELS, PRUNERS, SAMPLERS
from hpo.study.direction import Direction
from hpo.study.objectives import COSTS

__all__ = [
    "NONE",
    "AsJson",
    "Definition",
    "Directions",
    "Fidelity",
    "FromStudy",
    "KeepBest",
    "KeepModels",
    "Name",
    "NoBaseline",
    "Objectives",
    "Observe",
    "Prior",
    "Pruner",
    "Quiet",
    "Sampler",
    "SearchSeed",
    "Seed",
    "SpaceName",
    "Storage",
    "Study",
    "Timeout",
    "TrialTimeout",
    "Trials",
    "TryFile",
    "WhichStudy",
    "Workers",
    "directions_asked",
    "examples",
    "megabytes",
    "or_none",
    "prior_asked",
    "real",
    "seconds",
    "whole",
]

NONE = math.inf
"""What `none` is typed for: the limit a study keeps shall go."""

_UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_YEAR = 366 * 86_400.0  # the longest time anybody can wait for


def whole(low: int, high: int) -> Callable[[str], int]:
    """A parser of whole numbers from `low` to `high`."""

    def parse(text: str) -> int:
        try:
            number = int(str(text).strip())
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise typer.BadParameter(f"{_short(text)} is not a whole number from {low:,} to {high:,}")
        return number

    parse.__name__ = "whole"  # what help shows, where no metavar is given
    return parse


def real(text: str) -> float:
    """A finite number."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise typer.BadParameter(f"{_short(text)} is not a finite number, such as 0.93")
    return number


def seconds(text: str) -> float:
    """A duration in seconds: `90`, `90s`, `10m`, `2h`, `1h30m`, `1d`; more than 0 and at most a year."""
    total = _duration(str(text).strip().lower())
    if total is None or not 0 < total <= _YEAR:
        raise typer.BadParameter(f"{_short(text)} is not a time from 1s to 366d, such as 90, 90s, 10m or 2h")
    return total


def or_none(parse: Callable[[str], float]) -> Callable[[str], float]:
    """A parser of what `parse` takes, and of `none`, which becomes NONE."""

    def parse_either(text: str) -> float:
        return NONE if str(text).strip().lower() in ("none", str(NONE)) else parse(text)

    parse_either.__name__ = parse.__name__
    return parse_either


def megabytes(text: str) -> int:
    """A size in MiB: `2000`, `2000M`, `2G`."""
    match = re.fullmatch(r"(\d{1,12})\s*(m|mb|mib|g|gb|gib)?", str(text).strip().lower())
    size = int(match[1]) * (1024 if (match[2] or "m").startswith("g") else 1) if match else 0
    if not 256 <= size <= 1024 * 1024:
        raise typer.BadParameter(f"{_short(text)} is not a size from 256M to 1024G, such as 2000M or 2G")
    return size


def _duration(text: str) -> float | None:
    if not re.fullmatch(r"(\d+(\.\d+)?\s*(s|min|m|h|d)\s*)+|\d+(\.\d+)?", text):
        return None
    return sum(float(amount) * _UNITS[unit] for amount, unit in re.findall(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d)?", text))


def _short(text: object) -> str:
    shown = str(text)
    return repr(shown if len(shown) <= 40 else f"{shown[:37]}...")


Definition = Annotated[
    str,
    typer.Argument(
        metavar="DEFINITION",
        help="Installed (cnn, dnn, fcnn, transfer), package.module:attribute, or path/to/file.py:attribute: a study "
        "definition, or for optimize, submit and show an Optuna objective, or a program's path/to/file.toml.",
        autocompletion=completion.definitions,
        show_default=False,
    ),
]
Study = Annotated[
    str,
    typer.Argument(
        metavar="STUDY",
        help="A study's name; a definition's name where it has a single study.",
        autocompletion=completion.studies,
        show_default=False,
    ),
]
WhichStudy = Annotated[
    str | None,
    typer.Argument(
        metavar="STUDY",
        help="A study's name; a definition's name where it has a single study. All studies where it is left out.",
        autocompletion=completion.studies,
        show_default=False,
    ),
]
Storage = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="URL",
        help="Database of the studies.  [env: HPO_STORAGE; default: sqlite:///hpo.db]",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]
SpaceName = Annotated[
    str | None,
    typer.Option(
        "--space",
        metavar="NAME",
        help="Which of the definition's spaces to search.  [default: its first]",
        autocompletion=completion.spaces,
        show_default=False,
    ),
]
Seed = Annotated[
    int, typer.Option("--seed", metavar="S", parser=whole(0, 2**32 - 1), help="Seed of all that is drawn.")
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        parser=whole(0, 256),
        help="Processes that train; 0: none here, a fleet's do it.  [default: one a core]",
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option("--timeout", metavar="TIME", parser=seconds, help="Stop after this long: 90s, 10m, 2h; resume later."),
]
TrialTimeout = Annotated[
    float | None,
    typer.Option("--trial-timeout", metavar="TIME", parser=seconds, help="A training that takes longer fails."),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Plain lines in place of the progress bar, and none that definitions print."),
]


def examples(*commands: str) -> str:
    """An epilog that lists `commands` one a line; the leading backspace tells the help formatter not to reflow them."""
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)


Trials = Annotated[
    int,
    typer.Option(
        "--trials",
        "-n",
        metavar="N",
        parser=whole(1, 100_000),
        help="Configurations the study draws in total, earlier runs included.",
        show_default=False,
    ),
]
Fidelity = Annotated[
    str | None,
    typer.Option(
        "--fidelity",
        metavar="NAME",
        help="The fidelity of every trial.  [default: climb from the definition's first to its last]",
        autocompletion=completion.fidelities,
        show_default=False,
    ),
]
Sampler = Annotated[
    str | None,
    typer.Option(
        "--sampler",
        metavar="NAME",
        help=f"{', '.join(SAMPLERS)}.  [default: the study's, {DEFAULT_SAMPLER} for a new one]",
        autocompletion=completion.samplers,
    ),
]
Pruner = Annotated[
    str | None,
    typer.Option(
        "--pruner",
        metavar="NAME",
        help=f"{', '.join(PRUNERS)}.  [default: the study's; for a new one {DEFAULT_PRUNER}, none where it climbs]",
        autocompletion=completion.pruners,
    ),
]
SearchSeed = Annotated[
    int | None,
    typer.Option(
        "--seed", metavar="S", parser=whole(0, 2**32 - 1), help="Seed of all that is drawn.  [default: drawn]"
    ),
]
Directions = Annotated[
    str | None,
    typer.Option(
        "--direction",
        metavar="maximize|minimize",
        help="Which values of an objective are better; of several, by commas.  [default: as it says itself]",
        show_default=False,
    ),
]
Objectives = Annotated[
    str | None,
    typer.Option(
        "--objectives",
        metavar="METRIC,COST",
        help=f"Search the front of the metric and costs: {', '.join(COSTS)}.  [default: the metric alone]",
        show_default=False,
    ),
]
Name = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="The study's name.  [default: DEFINITION-SPACE]"),
]
TryFile = Annotated[
    Path | None,
    typer.Option("--try", metavar="FILE", help="JSON: a configuration, or a list of them, to try first."),
]
Prior = Annotated[
    str | None,
    typer.Option(
        "--prior",
        metavar="NAME|FILE|none",
        help="The hand-picked configuration to begin with and to beat.  [default: the definition's first baseline]",
        show_default=False,
    ),
]
FromStudy = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="STUDY",
        help="An earlier search of the same parameters: the sampler begins with what that found.",
        autocompletion=completion.studies,
        show_default=False,
    ),
]
Observe = Annotated[
    list[str] | None,
    typer.Option(
        "--observe",
        metavar="NAME:TARGET",
        help="Tell of all trials: mlflow:URI, tensorboard:FOLDER, wandb:PROJECT, webhook:URL, apprise:URL (bests and "
        "ends), FILE.py:CLASS; may be given several times.  [env: HPO_OBSERVE]",
        show_default=False,
    ),
]
KeepModels = Annotated[
    str | None,
    typer.Option(
        "--keep-models",
        metavar="FOLDER",
        help="Where the models of the best trials are kept, as the search trained them: on its training rows; none: "
        "nowhere.  [env: HPO_KEEP_MODELS; default: FILE.models beside a SQLite file]",
        show_default=False,
    ),
]
KeepBest = Annotated[
    int | None,
    typer.Option(
        "--keep-best",
        metavar="N",
        parser=whole(1, MOST_KEPT_MODELS),
        help=f"Keep the models of so many of the best configurations.  [env: HPO_KEEP_BEST; default: {KEPT_MODELS}]",
        show_default=False,
    ),
]
NoBaseline = Annotated[bool, typer.Option("--no-baseline", help="As --prior none: begin with no configuration.")]


def directions_asked(text: str | None) -> tuple[Direction, ...]:
    """The directions asked for; none where nothing is."""
    words = () if text is None else tuple(word.strip().lower() for word in text.split(","))
    return cast("tuple[Direction, ...]", words)  # the request refuses a word that is none


def prior_asked(prior: str | None, no_baseline: bool) -> str | None:
    """What is asked for of the hand-picked configuration. Raises UsageError where that contradicts itself."""
    if not no_baseline:
        return prior
    if prior not in (None, "none"):
        raise UsageError(f"--no-baseline begins with no configuration, and --prior {prior} with one: leave one out")
    return "none"
