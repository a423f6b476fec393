"""How things stand, for a person or a program: nothing in this room changes anything.

`status.py`: how a study stands, and watching it until it is done; `study_results.py`: what it came to, and single
trials; `stored_trials.py`: all its trials at once; `live_queries.py`: what pages ask every few seconds.
"""

__all__ = ["live_queries", "status", "stored_trials", "study_results"]
