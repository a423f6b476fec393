"""Pages served to a browser: an overview of every study, their reports, and optuna-dashboard, behind one door.

`server.py` listens; `app.py` says which part answers what; `optuna_dashboard/` is that program with the requests
refused that would break a study's budget; `pages/` are ours; `door/` stands in front of them all and lets nobody past
whom it does not know. Nothing behind the door knows of passwords.
"""

__all__: list[str] = []
