"""What stands before every page: who may come in, from where, and what they may change.

`hooks.py` puts it before a Flask application, by Flask-Login, Flask-WTF and Flask-Limiter where they serve, and tells
the browser what not to do. `request_checks.py` turns away what is malformed, too large, for another host or from
another site; `login.py` and `sessions.py` know who is logged in and who may change something; `rate_limit.py` counts
wrong passwords. docs/security.md shows each under attack. Who may log in (`users.py`) is asked of commands, too, which
need none of the rest; so this file imports nothing.
"""

__all__: list[str] = []
