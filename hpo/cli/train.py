"""`hpo train`: one configuration on all development rows, scored on the test rows."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli import completion
from hpo.cli.options import AsJson, Definition, Seed, Storage, examples, whole
from hpo.cli.printing.console import configuration, count, document, duration, figure, say, tell
from hpo.settings import storage_url

if TYPE_CHECKING:
    from hpo.training import Epoch
    from hpo.training.after.examining import Examination, Folding, PredictiveUncertainty, Speed

__all__ = ["register", "train"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples(
        "hpo train cnn --config report",
        "hpo train cnn --config best -o cnn.keras",
        "hpo train fcnn --config mine.json --fidelity quick --seed 3 --json",
        "hpo train dnn --config mine.json --mc-dropout 100 --fold-batchnorm -o dnn.keras",
        "hpo train dnn --config self-normalizing --mc-dropout 100",
    )
    app.command(short_help="Train one configuration and score it on test.", epilog=epilog)(train)


def train(
    definition: Definition,
    config: Annotated[
        str,
        typer.Option(
            "--config",
            "-c",
            metavar="best|NUMBER|BASELINE|FILE",
            help="The best trial of the definition's search or that of a number, a baseline's name, or a JSON file.",
            autocompletion=completion.configs,
            show_default=False,
        ),
    ],
    study: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The study whose best or whose trial is meant, where there are several."),
    ] = None,
    fidelity: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="How many epochs, and of streams how many batches of each.  [default: the definition's last]",
            autocompletion=completion.fidelities,
            show_default=False,
        ),
    ] = None,
    seed: Seed = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Keep the trained model here (.keras).")
    ] = None,
    mc_dropout: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole(2, 100_000),
            help="Predict each test row N times with dropout on, and tell how sure the model is.",
            show_default=False,
        ),
    ] = None,
    fold_batchnorm: Annotated[
        bool,
        typer.Option(
            "--fold-batchnorm", help="Fold batch normalization into the layer beside it; latency before and after."
        ),
    ] = False,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Train one configuration on all development rows and score it on the test rows."""
    from hpo.experiments.train_configuration import TrainRequest, plan_training
    from hpo.experiments.train_configuration import train as run

    request = TrainRequest(
        definition=definition,
        config=config,
        study=study,
        fidelity=fidelity,
        seed=seed,
        output=output,
        passes=mc_dropout,
        folding=fold_batchnorm,
        storage=storage or storage_url(),
    )
    plan = plan_training(request)
    work = f"{count(plan.fidelity.epochs, 'epoch')} on {plan.trained_on}"
    say(f"{plan.definition.name}, {plan.chosen.source}, seed {seed}: {work}")
    trained = run(plan, _estimate(plan.fidelity.epochs))
    if as_json:
        document(trained.to_json())
        return
    result = trained.measurement
    configuration(result.params)
    unit = f" {plan.definition.unit}".rstrip()
    tell(f"{plan.definition.metric} on train {figure(result.train)}{unit}, on test {figure(result.test)}{unit}")
    way = "the compiled loop" if result.run.why_fit is None else f"Keras's fit: {result.run.why_fit}"
    tell(f"{result.compile_seconds:.1f} s to compile, {result.fit_seconds:.1f} s to fit, by {way}")
    if trained.examination is not None:
        for text in examination_lines(trained.examination):
            tell(text)
    kept = {"model": request.output, "folded model": request.folded_output, "figures": request.figures_output}
    for what, path in kept.items():
        if path is not None:
            tell(f"{what} kept in {path}")


def _estimate(epochs: int) -> "Callable[[Epoch], None]":
    """Say how long it takes as soon as that is known, after the second epoch: the first one also compiles."""

    def after(epoch: "Epoch") -> None:
        left = epoch.seconds * (epochs - epoch.number)
        if epoch.number == 2 and left >= 1:
            say(f"about {duration(left)} left")

    return after


def examination_lines(found: "Examination") -> list[str]:
    """A model in lines."""
    lines = [
        f"size: {count(found.parameters, 'parameter')}, {found.bytes:,} bytes; "
        f"{found.sparsity:.1%} of the kernels' weights are at most {found.threshold:g}; "
        f"without them {figure(found.pruned)} on test"
    ]
    if found.folding is not None:
        lines.append(_folding(found.folding))
    lines += [_speed(speed) for speed in found.speeds]
    if found.uncertainty is not None:
        lines += _uncertainty(found.uncertainty)
    return lines


def _folding(folding: "Folding") -> str:
    left = f", {folding.left} could not be" if folding.left else ""
    return (
        f"folding: {count(folding.folded, 'batch normalization')} folded{left}; "
        f"{folding.parameters:,} parameters left, outputs equal to {folding.difference:.1g}"
    )


def _speed(speed: "Speed") -> str:
    after = "" if speed.folded_seconds is None else f", {speed.folded_seconds * 1e3:.3g} ms folded"
    return f"latency at batch {speed.batch}: {speed.seconds * 1e3:.3g} ms{after}"


def _uncertainty(sure: "PredictiveUncertainty") -> list[str]:
    lines = [
        f"on test, of the plain prediction: negative log-likelihood {figure(sure.plain.nll)}, "
        f"calibration error {figure(sure.plain.calibration_error)}",
        f"on test, of {sure.passes} passes with dropout: negative log-likelihood {figure(sure.mc.nll)}, "
        f"calibration error {figure(sure.mc.calibration_error)}, mean deviation {figure(sure.std)}",
    ]
    if sure.accuracy is None:
        lines.append(
            f"  with a noise of {figure(sure.noise)}, the error on the training rows, which is too low a guess"
        )
        return lines
    lines.append(
        f"  accuracy {figure(sure.accuracy)}, entropy {figure(sure.entropy)} "
        f"(where it is right {figure(sure.entropy_right)}, wrong {figure(sure.entropy_wrong)}), "
        f"mutual information {figure(sure.mutual_information)}"
    )
    return lines
