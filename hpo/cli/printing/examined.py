"""What `hpo train` prints of a model it looked at: size, latency, how sure it is."""

from typing import TYPE_CHECKING

from hpo.cli.printing.console import figure
from hpo.cli.printing.phrases import count

if TYPE_CHECKING:
    from hpo.training.after.examining import Examination, Folding, PredictiveUncertainty, Speed

__all__ = ["examination_lines"]


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
