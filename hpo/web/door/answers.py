"""What the door itself answers: a refusal in one line, as a page for a person and as JSON for a program."""

import json
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

from hpo.report import theme
from hpo.web.door.user import nonce_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.wrappers import Response

__all__ = ["document", "refusal", "wants_page"]

_COLOURS = {"ink": theme.INK, "muted": theme.MUTED, "paper": theme.PAPER, "go": theme.OPTIMUM, "bad": theme.BAD}
_LIGHT = "; ".join(f"--{name}: {colour.light}" for name, colour in _COLOURS.items())
_DARK = "; ".join(f"--{name}: {colour.dark}" for name, colour in _COLOURS.items())

_STYLE = (
    f"""
:root {{ color-scheme: light dark; {_LIGHT} }}
@media (prefers-color-scheme: dark) {{ :root {{ {_DARK} }} }}
"""
    + """
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 24rem; margin: 12vh auto; padding: 0 1.25rem }
h1 { font-size: 1.5rem; margin: 0 0 1rem }
p { margin: 0 0 1rem } .bad { color: var(--bad) } a { color: var(--go) }
label { display: block; margin: 0 0 1rem }
input { display: block; width: 100%; margin-top: .25rem; padding: .5rem .6rem; font: inherit; color: inherit;
  background: transparent; border: 1px solid var(--muted); border-radius: 4px }
button { padding: .5rem 1.25rem; font: inherit; color: var(--paper); background: var(--go); border: 0;
  border-radius: 4px; cursor: pointer }
:focus-visible { outline: 3px solid var(--go); outline-offset: 2px }
"""
)


def wants_page(environ: "WSGIEnvironment") -> bool:
    """Whether a person's browser asks for a page, and no script or program for data."""
    if environ.get("HTTP_SEC_FETCH_MODE", "navigate") != "navigate":
        return False
    return "text/html" in environ.get("HTTP_ACCEPT", "") and not environ.get("PATH_INFO", "").startswith("/api")


def document(environ: "WSGIEnvironment", title: str, body: str) -> str:
    """A small page of the door's own; `body` is HTML."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)} – hpo</title>\n<link rel="icon" href="data:,">\n'
        f'<style nonce="{escape(nonce_of(environ))}">{_STYLE}</style>\n</head>\n'
        f"<body>\n<main>\n<h1>{escape(title)}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    )


def refusal(
    environ: "WSGIEnvironment", status: int, reason: str, *, headers: Mapping[str, str] | None = None
) -> "Response":
    """Why a request is not served: `{"reason": …}` as optuna-dashboard's own refusals, or a page."""
    from werkzeug.http import HTTP_STATUS_CODES
    from werkzeug.wrappers import Response

    if wants_page(environ):
        body = f'<p>{escape(reason)}</p>\n<p><a href="/">Overview</a></p>'
        text, kind = document(environ, HTTP_STATUS_CODES.get(status, "Refused"), body), "text/html"
    else:
        text, kind = json.dumps({"reason": reason}), "application/json"
    return Response(text, status=status, mimetype=kind, headers=dict(headers or {}))
