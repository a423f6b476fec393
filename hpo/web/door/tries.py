"""How often passwords may be tried: by an address, for a user, and by a browser that got in before.

A limit for each user stops guessing from many addresses, and would let a stranger lock that user out. So a browser that
has logged in as the user once keeps a signed token by which it has tries of its own (OWASP's "device cookies"), also
where all come from one address, as behind a proxy nobody told us of. Names nobody has are counted like any other: an
answer never tells which exist.
"""

import hashlib
import ipaddress
import secrets
import time
from collections.abc import Callable

from hpo.web.door.limits import Allowance

__all__ = ["ADDRESS_EVERY", "ADDRESS_TRIES", "USER_EVERY", "USER_TRIES", "Tries"]

ADDRESS_TRIES, ADDRESS_EVERY = 10, 30.0  # of an address, or a known browser: at once, then one each so many s
USER_TRIES, USER_EVERY = 20, 60.0  # the same for one user, from all browsers that never got in


class Tries:
    """Counts the tries of one process; a restart forgets them, and which browsers are known."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        from itsdangerous import URLSafeSerializer

        self._addresses = Allowance(burst=ADDRESS_TRIES, every=ADDRESS_EVERY, clock=clock)
        self._users = Allowance(burst=USER_TRIES, every=USER_EVERY, clock=clock)
        self._browsers = Allowance(burst=ADDRESS_TRIES, every=ADDRESS_EVERY, clock=clock)
        self._signer = URLSafeSerializer(secrets.token_bytes(32), salt="known browser")

    def take(self, address: str, user: str, known: str | None) -> float:
        """Take a try: 0 where there was one, else the seconds until there is one."""
        browser = self._browser(user, known)
        if browser:
            return self._browsers.take(browser)
        return self._addresses.take(_network(address)) or self._users.take(_digest(user))

    def succeeded(self, address: str, user: str, known: str | None) -> None:
        """Count the try that was taken as none: the password was right."""
        browser = self._browser(user, known)
        if browser:
            self._browsers.give_back(browser)
        else:
            self._addresses.give_back(_network(address))
            self._users.give_back(_digest(user))

    def token(self, user: str) -> str:
        """What a browser shall keep that got in as `user`."""
        return str(self._signer.dumps([user, secrets.token_urlsafe(12)]))

    def _browser(self, user: str, known: str | None) -> str | None:
        """The browser that got in as `user` before; None where none did."""
        from itsdangerous import BadData

        try:
            name, browser = self._signer.loads(known or "")
        except (BadData, ValueError, TypeError):
            return None
        return str(browser) if name == user else None


def _digest(user: str) -> str:
    return hashlib.sha256(user.encode("utf-8", "surrogatepass")).hexdigest()


def _network(address: str) -> str:
    """The address; of IPv6 the /64, all of which one household or machine has."""
    try:
        read = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(read, ipaddress.IPv6Address) and read.ipv4_mapped is None:
        return str(ipaddress.ip_network((read, 64), strict=False))
    return str(read)
