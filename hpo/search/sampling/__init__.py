"""What draws configurations: Optuna's samplers as we set them, none of which draws the same configuration twice."""

__all__ = ["distinct", "grid", "samplers", "tried_configurations"]
