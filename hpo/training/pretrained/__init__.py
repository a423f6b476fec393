"""Pretrained networks: trained once, kept in files under a key of everything that shaped them, reused by layers."""

from hpo.training.pretrained.kept import folder, kept
from hpo.training.pretrained.network import Weights, pretrained, reuse

__all__ = ["Weights", "folder", "kept", "pretrained", "reuse"]
