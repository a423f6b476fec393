"""A tool of each operation of the interface for programs: its name, what it takes, how it answers."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mcp_types import CallToolResult, TextContent, Tool, ToolAnnotations

from hpo.mcp.interface_client import ask
from hpo.web.api.openapi import takes
from hpo.web.api.operations import OPERATIONS, Operation

if TYPE_CHECKING:
    import httpx2

__all__ = ["call", "describe", "offered"]


def offered(*, changes: bool) -> Sequence[Operation]:
    """The operations that are offered; `changes`: those that change something, too."""
    return [each for each in OPERATIONS if changes or each.method == "GET"]


def describe(operation: Operation) -> Tool:
    """The tool of an operation."""
    looks = operation.method == "GET"
    return Tool(
        name=operation.name,
        description=operation.does,
        input_schema=takes(operation),
        annotations=ToolAnnotations(
            read_only_hint=looks, destructive_hint=False, idempotent_hint=True, open_world_hint=False
        ),
    )


def call(
    client: "httpx2.Client", operations: Sequence[Operation], name: str, given: Mapping[str, Any]
) -> CallToolResult:
    """What comes of calling the tool of that name; a refusal is told to whoever called, in one line."""
    wanted = next((each for each in operations if each.name == name), None)
    if wanted is None:
        return _refused(f"there is no tool {name!r:.80}; there is: {', '.join(each.name for each in operations)}")
    answer = ask(client, wanted, given)
    if answer.problem is not None:
        return _refused(answer.problem)
    told = answer.document if isinstance(answer.document, dict) else {"result": answer.document}
    return CallToolResult(
        content=[TextContent(type="text", text=json.dumps(answer.document, ensure_ascii=False))],
        structured_content=told,
    )


def _refused(why: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=why)], is_error=True)
