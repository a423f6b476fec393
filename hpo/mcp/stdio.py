"""Speaking the Model Context Protocol on standard input and output, one message a line, until the input ends."""

import io
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TextIO

import anyio
from anyio.to_thread import run_sync
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams

from hpo.mcp.tools import call, describe, offered

if TYPE_CHECKING:
    import httpx2

__all__ = ["serve"]

_ABOUT = (
    "Hyperparameter searches of hpo: studies, their trials, the best configurations and how they compare with the "
    "hand-picked ones. What a study is called stands in list_studies. Training is done by workers elsewhere and takes "
    "time: after submit, look at show_study."
)


def serve(client: "httpx2.Client", *, changes: bool, given: TextIO, told: TextIO) -> None:
    """Offer the tools until the input ends.

    Args:
        client: of the interface for programs.
        changes: whether tools that change something are offered.
        given: standard input.
        told: standard output, for messages of the protocol alone.

    """
    operations = offered(changes=changes)

    async def list_tools(_: Any, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[describe(each) for each in operations])

    async def call_tool(_: Any, params: CallToolRequestParams) -> CallToolResult:
        return await run_sync(call, client, operations, params.name, params.arguments or {})

    server: Server[Any] = Server(
        "hpo",
        version=version("hpo-service"),
        instructions=_ABOUT,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )

    async def talk() -> None:
        # Whatever the locale says, messages are UTF-8.
        lines = io.TextIOWrapper(given.buffer, encoding="utf-8", errors="replace")
        answers = io.TextIOWrapper(told.buffer, encoding="utf-8", write_through=True)
        async with stdio_server(anyio.wrap_file(lines), anyio.wrap_file(answers)) as (read, write):
            await server.run(read, write, server.create_initialization_options())
        lines.detach()
        answers.detach()

    anyio.run(talk)
