"""Requests that are no route's ordinary ones: forged names, foreign pages, paths that go up, bodies that are none."""

from dataclasses import dataclass

from besieged import HTML

FOREIGN: dict[str, str | None] = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
OLD_BROWSER: dict[str, str | None] = {"Sec-Fetch-Site": None, "Sec-Fetch-Mode": None}  # which tells no site


@dataclass(frozen=True, kw_only=True)
class Trick:
    """One request that is not a route's ordinary one, sent to both as the strongest who could send it."""

    title: str
    method: str = "GET"
    path: str = "/api/studies"
    body: object = None
    headers: dict[str, str | None] | None = None
    ours: tuple[int, ...] = (403,)  # statuses one of which we answer with


_NESTED = b'{"version": 1, "body": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
_NOTE = "/api/studies/1/note"
_BIG = b'{"user_attrs": {"big": "' + b"x" * (2 * 2**20) + b'"}}'

TRICKS = (
    Trick(title="a forged Host, as DNS rebinding has it", headers={"Host": "evil.example"}, ours=(421,)),
    Trick(title="a Host that is no host", headers={"Host": "localhost@evil.example"}, ours=(421,)),
    Trick(title="two names in the Host", headers={"Host": "localhost, evil.example"}, ours=(421,)),
    Trick(title="a script elsewhere reads the studies", headers={**FOREIGN, "Sec-Fetch-Mode": "cors"}),
    Trick(title="a picture tag elsewhere", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}),
    Trick(
        title="a frame elsewhere",
        path="/dashboard",
        headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    ),
    Trick(
        title="`Origin: null`, from a sandboxed frame",
        method="DELETE",
        path="/api/studies/1",
        headers={"Origin": "null"},
    ),
    Trick(
        title="our name on another port",
        method="PUT",
        path=_NOTE,
        body={"version": 1, "body": "x"},
        headers={"Origin": "http://localhost:1", "Sec-Fetch-Site": "same-site"},
    ),
    Trick(
        title="a note with a made-up token",
        method="PUT",
        path=_NOTE,
        body={"version": 1, "body": "x"},
        headers={"X-CSRF-Token": "made-up"},
    ),
    Trick(
        title="a note by a form, without a script",
        method="POST",
        path="/api/trials/2/user-attrs",
        body=b"user_attrs=x",
        headers={"Content-Type": "application/x-www-form-urlencoded", "X-CSRF-Token": None, **OLD_BROWSER},
    ),
    Trick(title="leave asked for another site (CORS preflight)", method="OPTIONS", headers=FOREIGN, ours=(405,)),
    Trick(title="TRACE", method="TRACE", ours=(405,)),
    Trick(
        title="DELETE behind a POST",
        method="POST",
        path="/api/studies/1",
        headers={"X-HTTP-Method-Override": "DELETE"},
        ours=(404, 405),
    ),
    Trick(title="DELETE with slashes at the end", method="DELETE", path="/api/studies/1//", ours=(400, 403)),
    Trick(title="DELETE with one slash at the end", method="DELETE", path="/api/studies/1/"),
    Trick(title="DELETE in other letters", method="DELETE", path="/API/studies/1", ours=(404, 405)),
    Trick(title="a path up, plain", path="/static/../_app.py", ours=(400,)),
    Trick(title="a path up, encoded", path="/static/%2e%2e/_app.py", ours=(400,)),
    Trick(title="a path up, encoded twice", path="/static/%252e%252e/_app.py", ours=(403, 404)),
    Trick(title="a file beside the artifacts", path="/artifacts/1/../secret", ours=(400,)),
    Trick(title="the same, encoded", path="/artifacts/1/..%2fsecret", ours=(400,)),
    Trick(title="the same, with backslashes", path="/artifacts/1/..%5csecret", ours=(400,)),
    Trick(title="a zero byte in the path", path=f"/artifacts/1/{HTML}%00.png", ours=(400,)),
    Trick(title="a path that is no text", path="/dashboard/%ff%fe", ours=(400,)),
    Trick(title="another server's address as the path", path="//evil.example/", ours=(400, 404)),
    Trick(title="an attribute of 2 MiB", method="POST", path="/api/trials/2/user-attrs", body=_BIG, ours=(413,)),
    Trick(
        title="a request that says it has 10 GiB",
        method="POST",
        path="/api/artifacts/1",
        body=b"{}",
        headers={"Content-Length": str(10 * 2**30)},
        ours=(413,),
    ),
    Trick(
        title="a length that is no number",
        method="PUT",
        path=_NOTE,
        body=b"",
        headers={"Content-Length": "many"},
        ours=(400,),
    ),
    Trick(title="a body that is no JSON", method="PUT", path=_NOTE, body=b"{", ours=(400,)),
    Trick(title="a body that is no object", method="PUT", path=_NOTE, body=b"[1]", ours=(400,)),
    Trick(title="a body nested 100,000 deep", method="PUT", path=_NOTE, body=_NESTED, ours=(400,)),
    Trick(title="no body where one is needed", method="PUT", path=_NOTE, ours=(400,)),
    Trick(
        title="JSON said to be plain text",
        method="PUT",
        path=_NOTE,
        body={"version": 1, "body": "x"},
        headers={"Content-Type": "text/plain"},
        ours=(415,),
    ),
    Trick(title="40 KiB of headers", headers={"X-Long": "x" * 40 * 1024}, ours=(431,)),
)
