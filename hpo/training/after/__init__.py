"""What is asked of a trained model: how sure it is, how fast, how small. Importing it imports TensorFlow."""

from hpo.training.after.calibration import (
    calibration_error,
    gaussian_calibration_error,
    gaussian_nll,
    nll,
)
from hpo.training.after.examining import Examination, examine, refuse_pointless
from hpo.training.after.folding import fold
from hpo.training.after.size_and_latency import ModelSize, latencies, latency, pruned, size, sparsity
from hpo.training.after.uncertainty import Uncertainty, classifies, drops, mc_predict
from hpo.training.model_graph import copied

__all__ = [
    "Examination",
    "ModelSize",
    "Uncertainty",
    "calibration_error",
    "classifies",
    "copied",
    "drops",
    "examine",
    "fold",
    "gaussian_calibration_error",
    "gaussian_nll",
    "latencies",
    "latency",
    "mc_predict",
    "nll",
    "pruned",
    "refuse_pointless",
    "size",
    "sparsity",
]
