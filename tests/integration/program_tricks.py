"""Requests below /api/v1 that are no ordinary ones: tokens in wrong places, hostile names, bodies that are none.

TOKEN in a path or a header stands for a token that may write.
"""

from dataclasses import dataclass

from besieged import FOUND
from programs import DEFINITION

__all__ = ["TRICKS", "ProgramTrick"]


@dataclass(frozen=True, kw_only=True)
class ProgramTrick:
    """One request, sent as the strongest who could send it: with a token that may write, unless its headers differ."""

    title: str
    method: str = "POST"
    path: str = "/studies"  # below /api/v1
    body: object = None
    headers: dict[str, str | None] | None = None
    browser: bool = False  # from the browser of a user who may write, on a page of ours, without a token
    ours: tuple[int, ...] = (400,)  # statuses one of which we answer with


_STOP = f"/studies/{FOUND}/stop"
_SUBMIT = {"definition": DEFINITION, "trials": 2, "name": "new", "fidelity": "quick"}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_NESTED = b'{"why": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def _submit(**changes: object) -> dict[str, object]:
    return {**_SUBMIT, **changes}


TRICKS = (
    ProgramTrick(title="a token in the address", path="/studies?access_token=TOKEN", body=_SUBMIT,
                 headers={"Authorization": None}, ours=(401,)),
    ProgramTrick(title="a token in a cookie", body=_SUBMIT,
                 headers={"Authorization": None, "Cookie": "token=TOKEN"}, ours=(401,)),
    ProgramTrick(title="a token as a password", body=_SUBMIT, headers={"Authorization": "Basic TOKEN"}, ours=(401,)),
    ProgramTrick(title="a token in the CSRF header", body=_SUBMIT,
                 headers={"Authorization": None, "X-CSRF-Token": "TOKEN"}, ours=(401,)),
    ProgramTrick(title="a token with a sign more", body=_SUBMIT, headers={"Authorization": "Bearer TOKENx"},
                 ours=(401,)),
    ProgramTrick(title="two tokens", body=_SUBMIT, headers={"Authorization": "Bearer TOKEN, Bearer TOKEN"},
                 ours=(401,)),
    ProgramTrick(title="a cookie and the session's token", path=_STOP, body={}, browser=True, ours=(401,)),
    ProgramTrick(title="a form with cookies", path=_STOP, body=b"why=x", headers=_FORM, browser=True, ours=(401,)),
    ProgramTrick(title="a page elsewhere that knows a token", path=_STOP, body={},
                 headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, ours=(403,)),
    ProgramTrick(title="leave asked for another site (CORS preflight)", method="OPTIONS",
                 headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
                 ours=(403, 405)),
    ProgramTrick(title="a study deleted", method="DELETE", path=f"/studies/{FOUND}", ours=(405,)),
    ProgramTrick(title="the same, behind a POST", path=f"/studies/{FOUND}",
                 headers={"X-HTTP-Method-Override": "DELETE"}, ours=(405,)),
    ProgramTrick(title="TRACE", method="TRACE", ours=(405,)),
    ProgramTrick(title="a path up", method="GET", path="/../../api/studies"),
    ProgramTrick(title="a path up, encoded", method="GET", path="/studies/%2e%2e%2f%2e%2e%2fetc%2fpasswd"),
    ProgramTrick(title="a study called as SQL", method="GET", path="/studies/x~27~20OR~20~271~27=~271", ours=(404,)),
    ProgramTrick(title="a study whose name is no text", method="GET", path="/studies/~ff~fe", ours=(404,)),
    ProgramTrick(title="a trial beyond all numbers", method="GET", path=f"/studies/{FOUND}/trials/{'9' * 40}",
                 ours=(404,)),
    ProgramTrick(title="a page of a million trials", method="GET", path=f"/studies/{FOUND}/trials?limit=1000000"),
    ProgramTrick(title="an option twice", method="GET", path=f"/studies/{FOUND}/trials?limit=1&limit=2"),
    ProgramTrick(title="a file as the definition", body=_submit(definition="/etc/passwd"), ours=(409,)),
    ProgramTrick(title="code of a path as the definition", body=_submit(definition="./evil.py:study"), ours=(409,)),
    ProgramTrick(title="a module as the definition", body=_submit(definition="os:system"), ours=(409,)),
    ProgramTrick(title="more trials than the budget", body=_submit(trials=501), ours=(403,)),
    ProgramTrick(title="trials below none", body=_submit(trials=-1)),
    ProgramTrick(title="trials of 400 digits", body=b'{"definition": "fcnn", "trials": 1' + b"0" * 400 + b"}"),
    ProgramTrick(title="trials as a text", body=_submit(trials="2")),
    ProgramTrick(title="a name with control characters", body=_submit(name="a\x1b[2Jb"), ours=(409,)),
    ProgramTrick(title="half a character as the name", body=b'{"definition": "fcnn", "trials": 2, "name": "\\ud800"}'),
    ProgramTrick(title="a name of 8,000 characters", body=_submit(name="x" * 7900)),
    ProgramTrick(title="keys that nobody knows", body=_submit(__proto__={"scope": "write"})),
    ProgramTrick(title="a key twice", body=b'{"why": "a", "why": "b"}', path=_STOP),
    ProgramTrick(title="NaN", body=b'{"definition": "fcnn", "trials": NaN}'),
    ProgramTrick(title="a list for an object", body=b"[1]", path=_STOP),
    ProgramTrick(title="a body that is no JSON", body=b"{", path=_STOP),
    ProgramTrick(title="a body that is no text", body=b'{"why": "\xff\xfe"}', path=_STOP),
    ProgramTrick(title="a body nested 100,000 deep", body=_NESTED, path=_STOP, ours=(413,)),
    ProgramTrick(title="a body nested 1,000 deep", body=b"[" * 1000 + b"]" * 1000, path=_STOP),
    ProgramTrick(title="a body of 2 MiB", body=b'{"why": "' + b"x" * 2**21 + b'"}', path=_STOP, ours=(413,)),
    ProgramTrick(title="a request that says it has 10 GiB", body=b"{}", path=_STOP,
                 headers={"Content-Length": str(10 * 2**30)}, ours=(413,)),
    ProgramTrick(title="a body that is packed", body=b"{}", path=_STOP, headers={"Content-Encoding": "gzip"},
                 ours=(400, 415)),
    ProgramTrick(title="JSON said to be plain text", body=b"{}", path=_STOP, headers={"Content-Type": "text/plain"},
                 ours=(415,)),
    ProgramTrick(title="40 KiB of headers", method="GET", headers={"X-Long": "x" * 40 * 1024}, ours=(431,)),
)  # fmt: skip
