"""What stands before every page: who may come in, from where, and what they may change.

`hooks.py` puts it before a Flask application, by Flask-Login, Flask-WTF and Flask-Limiter where they serve:
`login.py` and `sessions.py` know the users and who is logged in, `rate_limit.py` how often a password may be tried,
`permissions.py` asks for the right to write and for the token, `hosts.py` knows our own names, `origins.py` what other
sites send, `request_checks.py` turns away what is malformed or too large, `headers.py` tells the browser what not to
do. docs/security.md shows each under attack. Who may log in (`users.py`) is asked of commands, too, which need none of
the rest; so this file imports nothing.
"""

__all__: list[str] = []
