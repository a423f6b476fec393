"""How often passwords may be tried: by an address, for a user, and by a browser that got in before.

A limit for each user stops guessing from many addresses, and would let a stranger lock that user out. So a browser that
has logged in as the user once keeps a signed token by which it has tries of its own (OWASP's "device cookies"). Names
nobody has are counted like any other: an answer never tells which exist.
"""

import hashlib
import ipaddress
import secrets
import time
from collections.abc import Callable, Hashable

from hpo.web.door.limits import Allowance

__all__ = ["ADDRESS_EVERY", "ADDRESS_TRIES", "USER_EVERY", "USER_TRIES", "Tries"]

ADDRESS_TRIES, ADDRESS_EVERY = 10, 30.0  # tries of one address at once, then one every so many seconds
USER_TRIES, USER_EVERY = 20, 60.0  # the same for one user, from all browsers that never got in


class Tries:
    """Counts the tries of one process; a restart forgets them, and which browsers are known."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        from itsdangerous import URLSafeSerializer

        self._addresses = Allowance(burst=ADDRESS_TRIES, every=ADDRESS_EVERY, clock=clock)
        self._users = Allowance(burst=USER_TRIES, every=USER_EVERY, clock=clock)
        self._signer = URLSafeSerializer(secrets.token_bytes(32), salt="known browser")

    def take(self, address: str, user: str, known: str | None) -> float:
        """Take a try: 0 where there was one, else the seconds until there is one."""
        return self._addresses.take(_network(address)) or self._users.take(self._key(user, known))

    def succeeded(self, address: str, user: str, known: str | None) -> None:
        """Count the try that was taken as none: the password was right."""
        self._addresses.give_back(_network(address))
        self._users.give_back(self._key(user, known))

    def token(self, user: str) -> str:
        """What a browser shall keep that got in as `user`."""
        return str(self._signer.dumps([user, secrets.token_urlsafe(12)]))

    def _key(self, user: str, known: str | None) -> Hashable:
        from itsdangerous import BadData

        if known:
            try:
                name, browser = self._signer.loads(known)
            except (BadData, ValueError, TypeError):
                pass
            else:
                if name == user:
                    return ("browser", browser)
        return ("user", hashlib.sha256(user.encode("utf-8", "surrogatepass")).digest())


def _network(address: str) -> str:
    """The address; of IPv6 the /64, all of which one household or machine has."""
    try:
        read = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(read, ipaddress.IPv6Address) and read.ipv4_mapped is None:
        return str(ipaddress.ip_network((read, 64), strict=False))
    return str(read)
