"""Train one configuration: the best of a search, a baseline, or one written in a file; keep the model if asked to."""

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.data import Rows
from hpo.errors import Diverged, HpoError, TrialError, UsageError
from hpo.experiments.named_configuration import NamedConfiguration, configuration_named
from hpo.files import refuse_unwritable, replacing
from hpo.messages import one_line
from hpo.study import Fidelity, StudyDefinition, ValidationData, registry
from hpo.study.contained import line, run

if TYPE_CHECKING:
    import keras

    from hpo.search import Measurement
    from hpo.training import Epoch, Recipe
    from hpo.training.after import Examination

__all__ = ["MAX_PASSES", "TrainPlan", "TrainRequest", "Trained", "plan_training", "train"]

MAX_PASSES = 100_000
"""Of MC dropout; the figures settle after a hundred."""

SUFFIX = ".keras"  # Keras's own format


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """Train one configuration of a definition on all development rows, and score it on the test rows.

    Raises:
        UsageError: a number is out of range.

    """

    definition: str  # as `registry.load` takes it
    config: str  # best (of a search in `storage`), a trial's number there, a baseline's name, or a JSON file
    study: str | None = None  # whose best or whose trial is meant, where the definition has several studies
    fidelity: str | None = None  # whose epochs, and of streams steps; None: the definition's last
    seed: int = 0  # of the weights and the batches
    output: Path | None = None  # where the model is kept; None: nowhere
    passes: int | None = None  # predictions of each test row with dropout on; None: none
    folding: bool = False  # whether batch normalizations are folded into their neighbours
    storage: str = field(default="sqlite:///hpo.db", repr=False)  # URL; may hold a password, so never print it

    def __post_init__(self) -> None:
        if self.passes is not None and not 2 <= self.passes <= MAX_PASSES:
            raise UsageError(f"MC dropout takes from 2 to {MAX_PASSES:,} passes, not {self.passes}")

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
class TrainPlan:
    """One training, checked as far as it can be without doing it."""

    request: TrainRequest
    definition: StudyDefinition
    chosen: NamedConfiguration  # whose search, where it has one, says on which rows it is trained
    fidelity: Fidelity  # its epochs count, and its steps of streams: a measurement uses all development rows

    @property
    def trained_on(self) -> str:
        """What it is trained on, in words."""
        if not isinstance(self.definition.evaluation, ValidationData):
            return "all development rows"
        steps = self.fidelity.steps
        return "all training data" if steps is None else f"{steps:,} batches of the training data each"


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


def plan_training(request: TrainRequest) -> TrainPlan:
    """Find the configuration that is meant and refuse what cannot work, before anything is trained.

    Raises:
        UsageError: there is no such configuration or fidelity, it cannot be trained, its model cannot be written.
        StudyError: there is no such study or trial, it is another definition's, or no trial of it is complete.
        DefinitionError: the definition cannot be loaded.
        StorageError: the database cannot be reached or read.

    """
    definition = registry.load(request.definition)
    fidelity = definition.fidelity(request.fidelity) if request.fidelity is not None else definition.fidelities[-1]
    chosen = configuration_named(request.config, definition, study=request.study, url=request.storage)
    if reason := run(f"infeasible() of {definition.name!r}", lambda: definition.why_infeasible(chosen.params)):
        raise UsageError(f"{chosen.source} cannot be trained: {reason}")
    if request.output is not None:
        _refuse_output(request.output)
        for beside in (request.folded_output, request.figures_output):
            if beside is not None:
                refuse_unwritable(beside)
    return TrainPlan(request=request, definition=definition, chosen=chosen, fidelity=fidelity)


def train(plan: TrainPlan, on_epoch: "Callable[[Epoch], None] | None" = None) -> Trained:
    """Train on all development rows, score on train and test, and keep the model: each file whole, or not at all.

    Raises:
        UsageError: the configuration has no dropout, or no batch normalization, for what was asked; nothing is trained.
        HpoError: training left the finite numbers, or the model could not be written.
        DefinitionError: TensorFlow is not installed, or cannot be loaded.
        DataError: the data cannot be had, no network can be trained on them, or they are not those of the search.

    """
    from hpo.search import measure
    from hpo.search.row_splits import preload
    from hpo.storage.studies import refuse_other_rows
    from hpo.training import configure

    with _hushed():
        configure()
    rows = preload(plan.definition)
    if plan.chosen.search is not None:
        refuse_other_rows(plan.chosen.search.name, plan.chosen.search.data, rows)
    try:
        result = measure(
            plan.definition,
            plan.chosen.params,
            fidelity=plan.fidelity,
            seed=plan.request.seed,
            on_recipe=lambda recipe: _refuse_pointless(plan, recipe),
            on_epoch=on_epoch,
        )
    except Diverged as error:
        raise HpoError(f"{plan.chosen.source}: {error}; another --seed or a lower learning rate may train") from None
    except TrialError as error:
        raise HpoError(f"{plan.chosen.source}: {error}") from None
    except HpoError:
        raise
    except Exception as error:  # mostly of the definition's own code; as it would fail a trial
        raise HpoError(f"{plan.chosen.source} cannot be trained: {line(error, 'hpo')}: {one_line(error)}") from error
    if plan.request.output is not None:  # before it is examined: what was trained is kept whatever becomes of that
        _save(result.run.model(), plan.request.output, result)
    trained = Trained(measurement=result, examination=_examined(plan, result) if plan.request.examines else None)
    if trained.examination is not None and plan.request.folded_output is not None:
        assert trained.examination.folded is not None
        _save(trained.examination.folded, plan.request.folded_output, result)
    if plan.request.figures_output is not None:
        _write(trained, plan.request.figures_output)
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


def _refuse_output(output: Path) -> None:
    if output.suffix != SUFFIX:
        raise UsageError(f"{output}: a model is kept in a file ending in {SUFFIX}, such as {output.stem}{SUFFIX}")
    if output.is_dir():
        raise UsageError(f"{output} is a folder; name a file in it, such as {output / 'model'}{SUFFIX}")
    refuse_unwritable(output)


def _refuse_pointless(plan: TrainPlan, recipe: "Recipe") -> None:
    if plan.request.examines:
        from hpo.training.runtime import needs_tensorflow

        asked = "--mc-dropout" if plan.request.passes is not None else "--fold-batchnorm"
        if isinstance(plan.definition.evaluation, ValidationData):
            raise UsageError(f"{asked} looks at rows, and {plan.definition.name} has streams: leave it out")
        needs_tensorflow(asked)
        from hpo.training.after import refuse_pointless

        refuse_pointless(recipe, passes=plan.request.passes, folding=plan.request.folding)


def _examined(plan: TrainPlan, result: "Measurement") -> "Examination":
    from hpo.training.after import examine

    train_rows, test_rows = result.rows
    assert isinstance(train_rows, Rows)  # what streams have not is refused before
    assert isinstance(test_rows, Rows)
    asked = plan.request
    return examine(result.run, train_rows, test_rows, passes=asked.passes, folding=asked.folding, seed=asked.seed)


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
