"""A space in Optuna's words: what a trial is asked, in which order, and when two configurations are the same."""

import hashlib
import json
from decimal import Decimal

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import BaseTrial

from hpo.study import Categorical, Domain, Float, Int, Params, ParamValue, Space

__all__ = ["digest", "distribution", "distributions", "suggest"]


def suggest(space: Space, trial: BaseTrial) -> dict[str, ParamValue]:
    """Ask the trial for a configuration, in the order the space declares; what is not active is not asked for."""
    params: dict[str, ParamValue] = {}
    for name, domain in space.params.items():
        if space.is_active(name, params):
            params[name] = _ask(trial, name, domain)
    return params


def distribution(domain: Domain) -> BaseDistribution:
    """The domain as Optuna knows it; equal to what `suggest` asks for."""
    if isinstance(domain, Categorical):
        return CategoricalDistribution(domain.choices)
    if isinstance(domain, Int):
        return IntDistribution(domain.low, _top(domain), log=domain.log, step=domain.step)
    return FloatDistribution(domain.low, _highest(domain), log=domain.log, step=domain.step)


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """Every parameter of the space, conditional ones too."""
    return {name: distribution(domain) for name, domain in space.params.items()}


def digest(params: Params) -> str:
    """A fingerprint of a configuration, the same in every process: 64 hexadecimal digits.

    The order of the parameters does not count, nor whether a whole number is written 1 or 1.0.
    """
    plain = {name: _plain(value) for name, value in params.items()}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _ask(trial: BaseTrial, name: str, domain: Domain) -> ParamValue:
    if isinstance(domain, Categorical):
        value: ParamValue = trial.suggest_categorical(name, domain.choices)
        return value
    if isinstance(domain, Int):
        return trial.suggest_int(name, domain.low, _top(domain), log=domain.log, step=domain.step)
    return trial.suggest_float(name, domain.low, _highest(domain), log=domain.log, step=domain.step)


def _top(domain: Int) -> int:
    """The largest value on the step; Optuna warns about a `high` that is not."""
    return domain.high - (domain.high - domain.low) % domain.step


def _highest(domain: Float) -> float:
    """The same of a real number, in the decimal digits it was written with, as Optuna counts."""
    if domain.step is None:
        return domain.high
    low, high, step = (Decimal(str(each)) for each in (domain.low, domain.high, domain.step))
    return float(low + (high - low) // step * step)


def _plain(value: ParamValue) -> ParamValue:
    return int(value) if isinstance(value, float) and value.is_integer() else value
