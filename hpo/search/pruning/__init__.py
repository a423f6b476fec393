"""What stops trials early: Optuna's pruners as we set them, and the study they look at."""

__all__ = ["active_trials", "pruners"]
