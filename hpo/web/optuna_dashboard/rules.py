"""Who may use which route of optuna-dashboard.

A study's budget is kept in our own tables: slots that are open, leased or settled. What makes, renames or deletes a
study or tells a trial past them would break the count, so nobody may, and the refusal says what to use instead. A route
that is not listed, as a later release may bring one, is refused until it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from hpo.web.security.identity import user_of

__all__ = ["RULES", "Guard", "Rule"]

Who = Literal["everybody", "writers", "nobody"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Who may use a route."""

    who: Who  # of those who are let in at all
    instead: str = ""  # why nobody may, and what to use
    body: bool = False  # it needs a JSON object
    whole: tuple[str, ...] = ()  # parameters of its query that are whole numbers


_LOOK = Rule(who="everybody")
_WRITE = Rule(who="writers")
_WRITE_BODY = Rule(who="writers", body=True)
_MODEL = Rule(who="nobody", instead="no language model is connected to this server")

_LAST = 2**31 - 1  # number a study or a trial can have in the tables of Optuna
_ARTIFACT = "<artifact_id:re:[0-9a-fA-F-]+>"

RULES: Mapping[tuple[str, str], Rule] = MappingProxyType(
    {
        ("GET", "/"): _LOOK,
        ("GET", "/dashboard<:re:(/.*)?>"): _LOOK,
        ("GET", "/favicon.ico"): _LOOK,
        ("GET", "/static/<filename:path>"): _LOOK,
        ("GET", "/api/meta"): _LOOK,
        ("GET", "/api/studies"): _LOOK,
        ("GET", "/api/studies/<study_id:int>"): Rule(who="everybody", whole=("after",)),
        ("GET", "/api/studies/<study_id:int>/param_importances"): _LOOK,
        ("GET", "/api/studies/<study_id:int>/plot/<plot_type>"): _LOOK,
        ("GET", "/csv/<study_id:int>"): _LOOK,
        ("GET", f"/artifacts/<study_id:int>/{_ARTIFACT}"): _LOOK,
        ("GET", f"/artifacts/<study_id:int>/<trial_id:int>/{_ARTIFACT}"): _LOOK,
        ("GET", "/incompatible-rdb-schema"): _LOOK,
        ("PUT", "/api/studies/<study_id:int>/note"): _WRITE_BODY,
        ("PUT", "/api/studies/<study_id:int>/<trial_id:int>/note"): _WRITE_BODY,
        ("POST", "/api/trials/<trial_id:int>/user-attrs"): _WRITE_BODY,
        ("POST", "/api/studies/<study_id:int>/preference"): _WRITE_BODY,
        ("PUT", "/api/studies/<study_id:int>/preference_feedback_component"): _WRITE_BODY,
        ("POST", "/api/studies/<study_id:int>/preference/<history_id>"): _WRITE,
        ("DELETE", "/api/studies/<study_id:int>/preference/<history_id>"): _WRITE,
        ("POST", "/api/artifacts/<study_id:int>"): _WRITE_BODY,
        ("POST", "/api/artifacts/<study_id:int>/<trial_id:int>"): _WRITE_BODY,
        ("DELETE", f"/api/artifacts/<study_id:int>/{_ARTIFACT}"): _WRITE,
        ("DELETE", f"/api/artifacts/<study_id:int>/<trial_id:int>/{_ARTIFACT}"): _WRITE,
        ("POST", "/api/studies"): Rule(who="nobody", instead="hpo submit and hpo optimize make studies"),
        ("POST", "/api/studies/<study_id:int>/rename"): Rule(
            who="nobody",
            instead="a study keeps its name, by which its workers know it; hpo submit --name makes another",
        ),
        ("DELETE", "/api/studies/<study_id:int>"): Rule(
            who="nobody", instead="hpo delete STUDY deletes a study together with its slots"
        ),
        ("POST", "/api/trials/<trial_id:int>/tell"): Rule(
            who="nobody",
            instead="the worker that has a trial in hand tells its result; hpo stop STUDY --now takes it back",
        ),
        ("POST", "/api/studies/<study_id:int>/<trial_id:int>/skip"): Rule(
            who="nobody", instead="no trial is skipped, as each has its slot; hpo stop STUDY ends a search"
        ),
        ("POST", "/incompatible-rdb-schema"): Rule(who="nobody", instead="hpo db upgrade upgrades the database"),
        ("POST", "/api/llm/trial_filter_query"): _MODEL,
        ("POST", "/api/llm/generate_plotly_graph_query"): _MODEL,
        ("POST", "/api/llm/re_generate_plotly_graph_query"): _MODEL,
    }
)


class Guard:
    """A Bottle plugin: it stands around each route's function, so it judges the very route that was found."""

    name = "hpo"
    api = 2

    def apply(self, callback: Callable[..., Any], route: Any) -> Callable[..., Any]:
        """The route's function, as its rule allows it."""
        from bottle import request  # type: ignore[import-untyped]

        rule = RULES.get((route.method, route.rule))

        def guarded(*args: Any, **values: Any) -> Any:
            if rule is None:
                return _refused(
                    403, "this server does not know this request of optuna-dashboard, so nobody may make it"
                )
            if rule.who == "nobody":
                return _refused(403, f"not here: {rule.instead}")
            if rule.who == "writers" and not user_of(request.environ).may_write:
                return _refused(403, "you may look and change nothing")
            if any(isinstance(value, int) and not 0 <= value <= _LAST for value in values.values()):
                return _refused(404, "no study and no trial has this number")
            if not all(_is_whole(given) for name in rule.whole for given in request.query.getall(name)):
                return _refused(400, f"the query needs whole numbers for {' and '.join(rule.whole)}")
            if rule.body and not request.json:
                return _refused(400, "the body must be a JSON object with something in it")
            return callback(*args, **values)

        return guarded


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _refused(status: int, reason: str) -> Any:
    import json

    from bottle import HTTPResponse

    return HTTPResponse(json.dumps({"reason": reason}), status=status, headers={"Content-Type": "application/json"})
