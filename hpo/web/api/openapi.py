"""The OpenAPI document of the interface, made from what its requests are checked by and its answers are made of."""

from functools import cache
from importlib.metadata import version
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from hpo.analysis.rung_agreement import ClimbFindings
from hpo.web.api.operations import OPERATIONS, Operation
from hpo.web.security.refusals import API, PROBLEM

__all__ = ["document", "takes"]

_PROBLEM = {
    "type": "object",
    "description": "RFC 9457; `detail` is the line that the command line would print",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail"],
}
_PLACES: dict[str, dict[str, Any]] = {
    "study": {"type": "string", "description": "name of a study, or of a definition that has one search"},
    "number": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1, "description": "number of a trial"},
    "definition": {"type": "string", "description": "name of a definition"},
}
_SEGMENT = (
    "letters, digits, `-`, `_` and `.` stand as they are, anything else of its UTF-8 as `~` and two hexadecimal "
    "digits: `a b` is `a~20b`"
)
_SEGMENTS = {"pattern": "^[A-Za-z0-9_~-][A-Za-z0-9._~-]*$", "maxLength": 2000}
_REFUSED = {
    "400": "the request is not of this form",
    "401": "no token where one is needed, or one that is not known",
    "403": "the token may not change anything, or not open so many trials; or a page elsewhere asks",
    "404": "there is no such thing",
    "409": "it cannot be done with what is there: no such space, the study is another one or stopped",
    "413": "the body is too long",
    "415": "the body is no JSON",
    "421": "the Host is none of the server's names",
    "429": "too many requests, or too many trials are open; Retry-After says how long to wait",
    "500": "a definition cannot be loaded here, or this is a defect: the server's log says more",
    "503": "the database does not answer; Retry-After says how long to wait",
}
_ALWAYS = _REFUSED.keys() - {"404", "409"}
_AS_PROBLEM = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}


class _Told(GenerateJsonSchema):
    """What `hpo.json_values.plain` makes of records: a number that is not finite is null."""

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        """A number, or null."""
        return {"anyOf": [super().float_schema(schema), {"type": "null"}]}


@cache
def document() -> dict[str, Any]:
    """The whole document, OpenAPI 3.1."""
    types = [(each.name, "serialization", _given(each)) for each in OPERATIONS]
    answers, shared = TypeAdapter.json_schemas(
        types,  # type: ignore[arg-type]
        schema_generator=_Told,
        ref_template="#/components/schemas/{model}",
    )
    paths: dict[str, Any] = {}
    for each in OPERATIONS:
        its = paths.setdefault(each.path, {})
        its[each.method.lower()] = _operation(each, answers[each.name, "serialization"])
    return {
        "openapi": "3.1.0",
        "info": {"title": "hpo", "version": version("hpo-service"), "description": "Studies of a database."},
        "servers": [{"url": API}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": {**shared["$defs"], "Problem": _PROBLEM},
            "responses": {code: {"description": why, "content": _AS_PROBLEM} for code, why in _REFUSED.items()},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "from hpo dashboard token create"}
            },
        },
    }


def takes(each: Operation) -> dict[str, Any]:
    """All that an operation takes, wherever it stands in a request, as one object of JSON Schema."""
    asked = _schema(each.body if each.method == "POST" else each.query)
    places = {name: _PLACES[name] for name in each.places}
    return {
        "type": "object",
        "properties": {**places, **asked.get("properties", {})},
        "required": [*places, *asked.get("required", ())],
        "additionalProperties": False,
    }


def _operation(each: Operation, answer: Any) -> dict[str, Any]:
    refused = sorted({*_ALWAYS, str(each.refuses), *(["404"] if each.places else [])})
    query = _schema(each.query).get("properties", {})
    told: dict[str, Any] = {
        "operationId": each.name,
        "summary": each.does,
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": _in_address(name)} for name in each.places),
            *({"name": name, "in": "query", "required": False, "schema": its} for name, its in query.items()),
        ],
        "responses": {
            "200": {"description": "done", "content": {"application/json": {"schema": answer}}},
            **{code: {"$ref": f"#/components/responses/{code}"} for code in refused},
        },
    }
    if each.method == "POST":
        body = _schema(each.body)
        needed = bool(body.get("required"))
        told["requestBody"] = {"required": needed, "content": {"application/json": {"schema": body}}}
    return told


def _given(each: Operation) -> TypeAdapter[Any]:
    adapter: TypeAdapter[Any] = TypeAdapter(each.gives)
    adapter.rebuild(_types_namespace={"ClimbFindings": ClimbFindings})  # which its module imports for checking alone
    return adapter


def _schema(record: type) -> dict[str, Any]:
    return TypeAdapter(record).json_schema()


def _in_address(name: str) -> dict[str, Any]:
    """What a place in an address may be, written as one segment of a path."""
    its = _PLACES[name]
    return {**its, "description": f"{its['description']}; {_SEGMENT}", **_SEGMENTS} if its["type"] == "string" else its
