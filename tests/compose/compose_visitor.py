"""A visitor of the dashboard from the host: plain HTTP with cookies, as a browser would send it."""

import re
import urllib.error
import urllib.request
from http.cookiejar import CookieJar
from urllib.parse import urlencode

from compose_engine import Failure

__all__ = ["Visitor"]


class Visitor:
    """One browser without a user yet."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}"
        handler = urllib.request.HTTPCookieProcessor(CookieJar())
        # No proxy of this machine may stand between.
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({}), handler).open

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Status and text of a page; redirections are followed."""
        return self._ask(urllib.request.Request(self._base + path, headers=headers))

    def post(self, path: str, form: dict[str, str], **headers: str) -> tuple[int, str]:
        """The same of a form that was sent."""
        data = urlencode(form).encode()
        return self._ask(urllib.request.Request(self._base + path, data=data, headers=headers))

    def log_in(self, name: str, password: str) -> int:
        """Fill in the login page; the status of what comes of it."""
        _, page = self.get("/login")
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        if token is None:
            raise Failure("the login page has no form with a csrf_token")
        form = {"csrf_token": token[1], "name": name, "password": password}
        return self.post("/login", form, Origin=self._base)[0]

    def _ask(self, request: urllib.request.Request) -> tuple[int, str]:
        try:
            with self._open(request, timeout=30) as answer:
                return answer.status, answer.read().decode(errors="replace")
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode(errors="replace")
        except (OSError, ValueError) as error:
            return 0, str(error)
