"""What may be set, and what holds where nothing is: environment variables, names, defaults.

Importing this costs nothing, so the command line can name every sampler and pruner without importing Optuna.
"""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote, urlsplit

from hpo.errors import HpoWarning, UsageError
from hpo.files import expanded, read

__all__ = [
    "BACKENDS",
    "CHECKPOINTS_SIZE",
    "CHECKPOINT_SECONDS",
    "CLIMBING_SAMPLERS",
    "DEFAULT_PRUNER",
    "DEFAULT_SAMPLER",
    "KEPT_MODELS",
    "LEASE_SECONDS",
    "MAX_ATTEMPTS",
    "MOST_KEPT_MODELS",
    "MOST_OPEN",
    "PRUNERS",
    "SAMPLERS",
    "SMALLEST_WINDOW",
    "STALL_SECONDS",
    "TRIAL_WINDOW",
    "cache_folder",
    "checkpoint_seconds",
    "checkpoints_folder",
    "checkpoints_size",
    "data_folder",
    "models_folder",
    "models_number",
    "storage_url",
    "trial_window",
    "use_backend",
]

SAMPLERS: Mapping[str, str] = MappingProxyType(
    {
        "tpe": "tree-structured Parzen estimator: learns from every trial, conditional spaces too",
        "gp": "Gaussian process: few expensive trials; needs PyTorch (pip install 'hpo-service[gp]')",
        "cmaes": "covariance-matrix adaptation: continuous parameters and many trials",
        "qmc": "quasi-random points: even cover, learns nothing",
        "random": "independent draws, learns nothing",
        "grid": "every configuration of a finite space, in order",
        "nsga2": "genetic search",
    }
)
DEFAULT_SAMPLER = "tpe"

CLIMBING_SAMPLERS = ("tpe", "qmc", "random", "grid")
"""Samplers that can serve a search of several rungs: tpe learns from all of them, the others from none."""

PRUNERS: Mapping[str, str] = MappingProxyType(
    {
        "hyperband": "several successive-halving brackets at once",
        "asha": "asynchronous successive halving: the best third of each rung goes on",
        "median": "stops what is worse than the median of its predecessors at the same epoch",
        "wilcoxon": "stops what is worse fold by fold, by a signed-rank test; needs common folds",
        "none": "every trial runs to its end",
    }
)
DEFAULT_PRUNER = "asha"

MOST_OPEN = 10_000
"""Trials that may be open in all studies of a database before programs may add none."""

MAX_ATTEMPTS = 3
"""Crashes a trial may see before it fails."""

KEPT_MODELS = 3
"""Of so many of a search's best configurations models are kept: as many as one that climbs trains again to confirm."""

MOST_KEPT_MODELS = 1000
"""The most that may be asked for."""

LEASE_SECONDS = 60.0
"""A worker that is not heard of for this long loses the slot it holds."""

STALL_SECONDS = 3600.0
"""Without a sign of life a worker is taken for hung after this long.

A training gives one after each epoch, and after each tenth of an epoch that takes long; scoring and what a definition
does by itself are one piece. An epoch of all rows takes the largest networks of the cnn `report` space minutes on one
core, and a larger model of somebody's own on a slower machine many more. Who knows better gives a time limit for each
trial.
"""


TRIAL_WINDOW = 1000
"""Finished trials of a study that its samplers and pruners are shown at the most."""

SMALLEST_WINDOW = 250
"""The least that may be asked for: with fewer TPE would take fewer trials for good than it does of a long study."""

CHECKPOINT_SECONDS = 30.0
"""Seconds between two checkpoints of a trial at the least; they take 2 % of its time at the most."""

CHECKPOINTS_SIZE = 10.0
"""GB that the checkpoints of all trials take together at the most, in one folder."""

_LONGEST = 10_000  # bytes of a file with a password
BACKENDS = ("tensorflow", "jax", "torch")  # of Keras; the compiled loop is for the first


def storage_url() -> str:
    """Where studies live unless `--storage` says otherwise: $HPO_STORAGE, or a SQLite file in this folder.

    Where that URL names a user without a password, $HPO_STORAGE_PASSWORD or the file $HPO_STORAGE_PASSWORD_FILE
    gives it: as it is, so that nobody has to escape it for a URL.

    Raises:
        UsageError: both are set, or the file cannot be read.

    """
    url = os.environ.get("HPO_STORAGE") or "sqlite:///hpo.db"
    if not _lacks_password(url):
        return url
    password = _storage_password()
    return url.replace("@", f":{quote(password, safe='')}@", 1) if password else url


def _lacks_password(url: str) -> bool:
    """Whether the URL has a user before its @, and nothing but the user: `postgresql://hpo@postgres/hpo`."""
    try:
        user, at, _ = urlsplit(url).netloc.rpartition("@")
    except ValueError:  # it is no URL: who opens it says so
        return False
    return bool(at and user) and ":" not in user and "@" not in user


def _storage_password() -> str | None:
    """What stands in the environment, or in the file it names, less its line end; None where neither is set."""
    password, file = os.environ.get("HPO_STORAGE_PASSWORD"), os.environ.get("HPO_STORAGE_PASSWORD_FILE")
    if not file:
        return password or None
    if password:
        raise UsageError("HPO_STORAGE_PASSWORD and HPO_STORAGE_PASSWORD_FILE are both set: unset one of them")
    try:
        return read(expanded(file), most=_LONGEST).decode().rstrip("\r\n") or None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise UsageError(f"HPO_STORAGE_PASSWORD_FILE is {file!r}, which cannot be read: {why}") from None


def data_folder() -> Path | None:
    """$HPO_DATA_DIR, the first place data sets are looked for; None where it is not set."""
    folder = os.environ.get("HPO_DATA_DIR")
    return expanded(folder) if folder else None


def cache_folder() -> Path:
    """Where what was fetched, or trained once for all, is kept: hpo in $XDG_CACHE_HOME or ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return expanded(base) / "hpo"


def models_folder(asked: str | None, database: Path | None) -> Path | None:
    """Where the models of the best trials are kept: as asked, $HPO_KEEP_MODELS, or beside the database's file.

    None where the word is none, or where there is no word and the database is no file.
    """
    word = asked or os.environ.get("HPO_KEEP_MODELS")
    if word:
        return None if word == "none" else expanded(word).absolute()
    return None if database is None else database.with_name(f"{database.name}.models")


def models_number(asked: int | None) -> int:
    """Of how many of the best configurations models are kept: as asked, $HPO_KEEP_BEST, or 3.

    Raises:
        UsageError: what $HPO_KEEP_BEST says is no such number.

    """
    word = os.environ.get("HPO_KEEP_BEST", "").strip()
    if asked is not None or not word:
        return KEPT_MODELS if asked is None else asked
    if not word.isascii() or not word.isdigit() or not 1 <= int(word[:9]) <= MOST_KEPT_MODELS:
        raise UsageError(f"HPO_KEEP_BEST must be a whole number from 1 to {MOST_KEPT_MODELS:,}, not {word!r:.60}")
    return int(word)


def checkpoints_folder() -> Path | None:
    """Where trials leave checkpoints: $HPO_CHECKPOINTS, or in hpo's cache; None where that is none: nowhere."""
    word = os.environ.get("HPO_CHECKPOINTS")
    if not word:
        return cache_folder().absolute() / "checkpoints"
    return None if word == "none" else expanded(word).absolute()


def checkpoint_seconds() -> float:
    """Seconds between two checkpoints of a trial at the least: $HPO_CHECKPOINT_SECONDS. Raises UsageError."""
    return _number("HPO_CHECKPOINT_SECONDS", CHECKPOINT_SECONDS, "seconds")


def checkpoints_size() -> int:
    """Bytes that all checkpoints in the folder may take: $HPO_CHECKPOINTS_SIZE, in GB. Raises UsageError."""
    return int(_number("HPO_CHECKPOINTS_SIZE", CHECKPOINTS_SIZE, "GB") * 1e9)


def trial_window() -> int | None:
    """Finished trials that samplers and pruners are shown at the most: $HPO_TRIAL_WINDOW; None: all there are.

    Raises:
        UsageError: what $HPO_TRIAL_WINDOW says is no such number.

    """
    word = os.environ.get("HPO_TRIAL_WINDOW", "").strip()
    if not word:
        return TRIAL_WINDOW
    if word == "all":
        return None
    if not word.isascii() or not word.isdigit() or int(word[:9]) < SMALLEST_WINDOW:
        raise UsageError(f"HPO_TRIAL_WINDOW must be a whole number from {SMALLEST_WINDOW}, or all, not {word!r:.60}")
    return int(word[:9])


def _number(name: str, default: float, unit: str) -> float:
    """What an environment variable says, a number of at least 0."""
    word = os.environ.get(name)
    try:
        number = float(word) if word else default
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e9:
        raise UsageError(f"{name} is {word!r}: give a number of {unit}, at least 0")
    return number


def use_backend() -> None:
    """Have Keras use what $KERAS_BACKEND asks for, or else TensorFlow, here and in the processes started from here.

    It comes before Keras is imported, hence before any code of a definition is. A person who asks for what nothing can
    be trained with is told so, by an HpoWarning, and TensorFlow trains.
    """
    asked = os.environ.get("KERAS_BACKEND")
    if asked in BACKENDS:
        return
    os.environ["KERAS_BACKEND"] = BACKENDS[0]
    if asked:
        known = f"{', '.join(BACKENDS[:-1])} and {BACKENDS[-1]}"
        warnings.warn(
            f"KERAS_BACKEND={asked} is not heeded: hpo trains with {known}, and now with {BACKENDS[0]}",
            HpoWarning,
            stacklevel=2,
        )
