"""How things stand, for a person or a program: nothing in this room changes anything.

Of a study: `status.py` (all there is to say), `progress.py` (how far it is, cheaply), `watching.py` (until it is done),
`live_queries.py` (what pages ask every few seconds), `stored.py` (all its trials at once), `trial_report.py` (one of
them).
Of the workers: `fleet.py` (who is there, who would serve a study), `running_trials.py` (with which trial).
What a search came to beside its best trial: `study_results.py`.
"""

__all__ = [
    "fleet",
    "live_queries",
    "progress",
    "running_trials",
    "status",
    "stored",
    "trial_report",
    "watching",
]
