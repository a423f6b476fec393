"""Our pages: the overview of every study and of the fleet, a live page and a report a study, `/metrics`, `/healthz`.

A Flask application that knows nothing of passwords: what stands before its views (`hpo.web.security`) says in the
request's environment who asks, and has refused what is not theirs to ask.
"""

from hpo.web.pages.page_routes import create

__all__ = ["create"]
