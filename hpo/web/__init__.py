"""Pages served to a browser: an overview of every study, their reports, and optuna-dashboard, behind one login.

`server.py` listens; `application.py` makes one application of all; `optuna_dashboard/` is that program with the
requests refused that would break a study's budget; `pages/` are ours; `security/` stands before them all and lets
nobody past whom it does not know. No page knows of passwords.
"""

__all__: list[str] = []
