"""Pages served to a browser: an overview of every study, their reports, and optuna-dashboard, behind one door."""

__all__: list[str] = []
