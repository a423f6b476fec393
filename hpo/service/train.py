"""Train one configuration: the best of a search, a baseline, or one written in a file; keep the model if asked to."""

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.errors import Diverged, HpoError, StudyError, TrialError, UsageError
from hpo.files import expanded, refuse_unwritable, replacing
from hpo.messages import one_line
from hpo.study import Fidelity, Params, StudyDefinition, registry
from hpo.study.blame import line
from hpo.study.configurations import read_one
from hpo.study.contained import run

if TYPE_CHECKING:
    import keras

    from hpo.search import Measurement
    from hpo.service.studies import StudyRecord
    from hpo.training import Epoch, Recipe
    from hpo.training.after import Examination

__all__ = ["MAX_PASSES", "TrainJob", "Trained", "prepare", "train"]

MAX_PASSES = 100_000
"""Of MC dropout; the figures settle after a hundred."""

BEST = "best"
_DIGITS = 10  # no search has trials of so many: a longer number is none of theirs, nor one a database takes
SUFFIX = ".keras"  # Keras's own format


@dataclass(frozen=True, kw_only=True)
class TrainJob:
    """One training, checked as far as it can be without doing it."""

    definition: StudyDefinition
    params: Params
    source: str  # where the configuration comes from, for a person
    search: "StudyRecord | None"  # the study it comes from, whose rows it is trained on; None: from none
    fidelity: Fidelity  # only its epochs count: a measurement uses all development rows
    seed: int
    output: Path | None  # where the model is kept; None: nowhere
    passes: int | None = None  # predictions of each test row with dropout on; None: none
    folding: bool = False  # whether batch normalizations are folded into their neighbours

    @property
    def examines(self) -> bool:
        """Whether the trained model is to be looked at, not only scored."""
        return self.passes is not None or self.folding

    @property
    def folded_output(self) -> Path | None:
        """Where the folded model is kept: beside the model; None: nowhere."""
        return self.output.with_name(f"{self.output.stem}-folded{SUFFIX}") if self.output and self.folding else None

    @property
    def figures_output(self) -> Path | None:
        """Where the figures are kept: beside the model; None: nowhere.

        Not under the model's own name: its configuration is likely to have that.
        """
        return self.output.with_name(f"{self.output.stem}-figures.json") if self.output and self.examines else None


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What came of a training."""

    measurement: "Measurement"
    examination: "Examination | None"  # None: nothing of it was asked for

    def to_json(self) -> dict[str, object]:
        """What `hpo train --json` prints."""
        if self.examination is None:
            return self.measurement.to_json()
        return {**self.measurement.to_json(), "examination": self.examination.to_json()}


def prepare(
    definition: str,
    config: str,
    *,
    study: str | None = None,
    fidelity: str | None = None,
    seed: int = 0,
    output: Path | None = None,
    passes: int | None = None,
    folding: bool = False,
    storage: str,
) -> TrainJob:
    """Find the configuration `config` names and refuse what cannot work, before anything is trained.

    Args:
        definition: as `registry.load` takes it.
        config: `best` (of a search in `storage`), a trial's number there, a baseline's name, or a JSON file.
        study: whose best or whose trial is meant, where the definition has several studies.
        fidelity: whose epochs; None: the definition's last.
        seed: of the weights and the batches.
        output: file to keep the model in.
        passes: predictions of each test row with dropout on, from 2; None: none.
        folding: whether to fold batch normalizations into their neighbours.
        storage: URL of the studies; used for `best` and a number alone.

    Raises:
        UsageError: there is no such configuration or fidelity, it cannot be trained, `output` cannot be written.
        StudyError: there is no such study or trial, it is another definition's, or no trial of it is complete.

    """
    found = registry.load(definition)
    wanted = found.fidelity(fidelity) if fidelity is not None else found.fidelities[-1]
    params, source, search = _configuration(found, config, study, storage)
    if reason := run(f"infeasible() of {found.name!r}", lambda: found.obstacle(params)):
        raise UsageError(f"{source} cannot be trained: {reason}")
    if passes is not None and not 2 <= passes <= MAX_PASSES:
        raise UsageError(f"MC dropout takes from 2 to {MAX_PASSES:,} passes, not {passes}")
    job = TrainJob(
        definition=found,
        params=params,
        source=source,
        search=search,
        fidelity=wanted,
        seed=seed,
        output=output,
        passes=passes,
        folding=folding,
    )
    if output is not None:
        _refuse_output(output)
        for beside in (job.folded_output, job.figures_output):
            if beside is not None:
                refuse_unwritable(beside)
    return job


def train(job: TrainJob, on_epoch: "Callable[[Epoch], None] | None" = None) -> Trained:
    """Train on all development rows, score on train and test, and keep the model: each file whole, or not at all.

    Raises:
        UsageError: the configuration has no dropout, or no batch normalization, for what was asked; nothing is trained.
        HpoError: training left the finite numbers, or the model could not be written.
        DefinitionError: TensorFlow is not installed, or cannot be loaded.
        DataError: the data cannot be had, no network can be trained on them, or they are not those of the search.

    """
    from hpo.search import measure
    from hpo.search.rows import preload
    from hpo.service.studies import refuse_other_rows
    from hpo.training import configure

    with _hushed():
        configure()
    rows = preload(job.definition)
    if job.search is not None:
        refuse_other_rows(job.search.name, job.search.data, rows)
    try:
        result = measure(
            job.definition,
            job.params,
            fidelity=job.fidelity,
            seed=job.seed,
            on_recipe=lambda recipe: _refuse_pointless(job, recipe),
            on_epoch=on_epoch,
        )
    except Diverged as error:
        raise HpoError(f"{job.source}: {error}; another --seed or a lower learning rate may train") from None
    except TrialError as error:
        raise HpoError(f"{job.source}: {error}") from None
    except HpoError:
        raise
    except Exception as error:  # mostly of the definition's own code; as it would fail a trial
        raise HpoError(f"{job.source} cannot be trained: {line(error, 'hpo')}: {one_line(error)}") from error
    if job.output is not None:  # before it is examined: what was trained is kept whatever becomes of that
        _save(result.run.model(), job.output, result)
    trained = Trained(measurement=result, examination=_examined(job, result) if job.examines else None)
    if trained.examination is not None and job.folded_output is not None:
        assert trained.examination.folded is not None
        _save(trained.examination.folded, job.folded_output, result)
    if job.figures_output is not None:
        _write(trained, job.figures_output)
    return trained


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Keep what TensorFlow's libraries write on stderr when they are loaded, at any log level, unless that fails."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            yield
        except BaseException:
            written.seek(0)
            os.write(stderr, written.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _configuration(
    found: StudyDefinition, config: str, study: str | None, url: str
) -> "tuple[Params, str, StudyRecord | None]":
    """The configuration, where it is from, and the search it is of."""
    if config == BEST:
        return _of_search(found, study, url, None)
    baselines = {baseline.name: baseline.params for baseline in found.baselines}
    path = expanded(config)
    if config not in baselines and config.isdecimal() and len(config) < _DIGITS and not path.exists():
        return _of_search(found, study, url, int(config))
    if study is not None:
        raise UsageError(f"--study goes with --config best or a trial's number, not with --config {config}")
    if config in baselines:
        return baselines[config], f"baseline {config}", None
    if path.suffix != ".json" and not path.exists():
        known = ", ".join([BEST, *baselines])
        raise UsageError(
            f"{found.name} has no configuration {config!r}; there are: {known}, a trial's number, or a JSON file"
        )
    return read_one(path, found), str(path), None


def _of_search(
    found: StudyDefinition, study: str | None, url: str, number: int | None
) -> "tuple[Params, str, StudyRecord]":
    """The configuration of a search's trial of that number; None: of its best."""
    from hpo.service import storage, studies
    from hpo.service.views import trial_report

    opened = storage.open(url)
    record = studies.find(opened, study or found.name)
    if record.definition != found.name:
        raise StudyError(f"study {record.name!r} is of definition {record.definition}, not of {found.name}")
    if record.kind != "search":
        raise StudyError(f"study {record.name!r} is a {studies.purpose(record)}: only a search chooses a configuration")
    chosen = (
        trial_report.best(opened, record.name) if number is None else trial_report.trial(opened, record.name, number)
    )
    source = f"trial {chosen.number} of {record.name}"
    if problem := found.space(record.space).problem(chosen.params):
        raise StudyError(f"{source} is no whole configuration of space {record.space!r} as it is now: {problem}")
    return chosen.params, source, record


def _refuse_output(output: Path) -> None:
    if output.suffix != SUFFIX:
        raise UsageError(f"{output}: a model is kept in a file ending in {SUFFIX}, such as {output.stem}{SUFFIX}")
    if output.is_dir():
        raise UsageError(f"{output} is a folder; name a file in it, such as {output / 'model'}{SUFFIX}")
    refuse_unwritable(output)


def _refuse_pointless(job: TrainJob, recipe: "Recipe") -> None:
    if job.examines:
        from hpo.training.after import refuse_pointless

        refuse_pointless(recipe, passes=job.passes, folding=job.folding)


def _examined(job: TrainJob, result: "Measurement") -> "Examination":
    from hpo.training.after import examine

    train_rows, test_rows = result.rows
    return examine(result.run, train_rows, test_rows, passes=job.passes, folding=job.folding, seed=job.seed)


def _save(model: "keras.Model", output: Path, result: "Measurement") -> None:
    try:
        with replacing(output) as path:
            model.save(path)
    except OSError as error:
        raise HpoError(
            f"the model could not be written to {output}: {error.strerror or error}; test value {result.test:.6g}"
        ) from None


def _write(trained: Trained, output: Path) -> None:
    try:
        with replacing(output) as path:
            path.write_text(json.dumps(trained.to_json(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise HpoError(f"the figures could not be written to {output}: {error.strerror or error}") from None
