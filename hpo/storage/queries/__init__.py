"""How things stand, for a person or a program: nothing in this room changes anything.

Of a study: `status.py` (all there is to say), `progress.py` (how far it is, cheaply), `watching.py` (until it is done),
`live_queries.py` (what pages ask every few seconds), `stored_trials.py` (all its trials at once), `trial_report.py`
(one of them). Of the workers: `active_workers.py` (who is there, who would serve a study), `running_trials.py` (with
which trial). What a search came to beside its best trial: `study_results.py`.
"""

__all__ = [
    "active_workers",
    "live_queries",
    "progress",
    "running_trials",
    "status",
    "stored_trials",
    "study_results",
    "trial_report",
    "watching",
]
