"""What training looks like from inside: gradients, activations and weights, layer by layer.

The records need no TensorFlow; `probe`, which measures them, imports it when it is called.
"""

from hpo.training.probes.measuring import probe
from hpo.training.probes.probe_records import LayerProbe, Probe

__all__ = ["LayerProbe", "Probe", "probe"]
