"""Requests for the toy as tests write them: one list of options, whatever record each belongs to."""

from dataclasses import fields
from typing import Any

from hpo.experiments.search_plan import Request
from hpo.fleet.run_limits import Limits

__all__ = ["asked"]

_LIMITS = {field.name for field in fields(Limits)}


def asked(**options: Any) -> Request:
    """The request of these options, those of its limits among them."""
    limits = {name: value for name, value in options.items() if name in _LIMITS}
    rest = {name: value for name, value in options.items() if name not in _LIMITS}
    return Request(**rest, limits=Limits(**limits))
