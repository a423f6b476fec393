"""Events as JSON, posted to a URL and signed."""

import contextlib
import hashlib
import hmac
import http.client
import json
import os
import socket
import ssl
import threading
import time
import urllib.request
import warnings
from email.message import Message
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from hpo.errors import HpoError, HpoWarning, UsageError
from hpo.observers.destinations.destination import Destination
from hpo.observers.events import Event, NewBest, StudyBegun, StudyEnded, StudyResumed, StudyStopped, TrialSettled
from hpo.storage.process_identity import program

__all__ = ["SECRET", "Webhook"]

SECRET = "HPO_WEBHOOK_SECRET"
"""The environment variable with what events are signed by."""

_SECONDS = 10.0  # one try may take, from the connection to the first line of the body
_AGAIN = (408, 425, 429)  # answers of the kind 4xx that another try may change


class Webhook(Destination):
    """Posts each event but reports and beginnings of trials, which their ends tell.

    A try takes 10 seconds at most; what fails is tried again by whoever tells us. An answer of the kind 4xx says that
    no other try would do, so that event is left out.
    """

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self._secret = os.environ.get(SECRET, "").encode()
        self._opener = urllib.request.build_opener(_NoRedirects, _Http, _Https)

    @classmethod
    def checked(cls, target: str) -> str:
        """The URL, as it is. Raises UsageError where it is none."""
        try:
            url = urlsplit(target)
            right = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
        except ValueError:
            right = False
        if not right or not target.isprintable() or " " in target:
            raise UsageError("--observe webhook: takes a URL, such as webhook:https://example.org/hook")
        return target

    def study_begun(self, event: StudyBegun) -> None:
        """Post it."""
        self._post(event)

    def study_resumed(self, event: StudyResumed) -> None:
        """Post it."""
        self._post(event)

    def study_stopped(self, event: StudyStopped) -> None:
        """Post it."""
        self._post(event)

    def study_ended(self, event: StudyEnded) -> None:
        """Post it."""
        self._post(event)

    def trial_settled(self, event: TrialSettled) -> None:
        """Post it."""
        self._post(event)

    def new_best(self, event: NewBest) -> None:
        """Post it."""
        self._post(event)

    def _post(self, event: Event) -> None:
        body = json.dumps(event.to_json(), allow_nan=False).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"hpo/{program()}",
            "X-Hpo-Event": event.kind,
            "X-Hpo-Id": event.id.encode("ascii", "backslashreplace").decode(),
        }
        if self._secret:
            when = str(int(time.time()))
            signature = hmac.new(self._secret, f"{when}.".encode() + body, hashlib.sha256).hexdigest()
            headers |= {"X-Hpo-Timestamp": when, "X-Hpo-Signature": f"sha256={signature}"}
        request = urllib.request.Request(self.target, data=body, headers=headers, method="POST")
        try:
            self._opener.open(request, timeout=_SECONDS).close()
        except HTTPError as error:
            error.close()
            if 400 <= error.code < 500 and error.code not in _AGAIN:
                warnings.warn(f"answered {error.code} to {event.kind}: such are left out", HpoWarning, stacklevel=2)
                return
            raise HpoError(f"it answered {error.code}") from None
        except URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise _late() from None
            raise HpoError(f"it cannot be reached: {error.reason}") from None


def _late() -> HpoError:
    return HpoError(f"it did not answer within {_SECONDS:g} s")


class _Limited(http.client.HTTPConnection):
    """A connection whose answer begins in time: the socket's own limit is one for each piece of it, however small."""

    def connect(self) -> None:
        """Connect, and count from here."""
        self._late = False
        self._timer = threading.Timer(_SECONDS, self._cut)
        self._timer.daemon = True
        self._timer.start()
        super().connect()

    def getresponse(self) -> http.client.HTTPResponse:
        """The answer, as far as its body. Raises HpoError where it is late."""
        try:
            answer = super().getresponse()
        except (OSError, http.client.HTTPException) as error:
            if self._late or isinstance(error, TimeoutError):
                raise _late() from None
            raise
        finally:
            self._timer.cancel()
        if self._late:  # cut short, it may look whole
            raise _late()
        return answer

    def close(self) -> None:
        """Close it."""
        if timer := getattr(self, "_timer", None):
            timer.cancel()
        super().close()

    def _cut(self) -> None:
        self._late = True
        with contextlib.suppress(OSError, AttributeError):  # closed already
            self.sock.shutdown(socket.SHUT_RDWR)


class _LimitedTls(_Limited, http.client.HTTPSConnection):
    """The same by TLS."""


class _Http(urllib.request.HTTPHandler):
    """Opens such connections."""

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Open one."""
        return self.do_open(_Limited, req)


class _Https(urllib.request.HTTPSHandler):
    """Opens such connections by TLS."""

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Open one, and have its certificate checked."""
        return self.do_open(_LimitedTls, req, context=ssl.create_default_context())


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would lead what is signed for one place to another, without its body: it is an error."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """Follow none."""
