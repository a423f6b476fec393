"""The door in front of every page: who may come in, from where, and what they may change.

Each module is one layer, a WSGI application around another: `access` logs, `headers` tells the browser what not to
do, `fields` takes plain text alone for headers, `hosts` knows our own names, `bodies` turns away what is malformed or
too large, `origins` what other sites send,
`login` knows the users and their sessions, `changes` asks for the token and the right to write. `door.py` puts them in
that order. docs/security.md shows each at work.
"""

from hpo.web.door.door import Door, Gate
from hpo.web.door.user import CSRF, NONCE, USER, User

__all__ = ["CSRF", "NONCE", "USER", "Door", "Gate", "User"]
