"""`hpo mcp` as a client of the protocol meets it: a real process, its standard input and output."""

import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from command import environment
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from hpo import storage
from hpo.storage import program_tokens
from hpo.storage.queries import status
from hpo.storage.slots.slots import Slots

pytestmark = pytest.mark.fresh  # the client starts the process itself

READING = {"list_studies", "show_study", "trials", "trial", "best", "compare", "list_definitions", "show_definition"}
CHANGING = {"submit", "submit_comparison", "stop", "resume"}

Talk = Callable[[Client], Awaitable[Any]]


@pytest.fixture
def url(folder: Path) -> str:
    made = f"sqlite:///{folder / 'hpo.db'}"
    storage.prepare(made).close()
    return made


@pytest.fixture
def talk(folder: Path, url: str, tmp_path: Path) -> Callable[..., tuple[Any, str]]:
    """`talk(say, *options)`: what `say(client)` gives, and what the command wrote to stderr."""

    def run(say: Talk, *options: str, **env: str) -> tuple[Any, str]:
        words = ["-m", "hpo", "mcp", *options]
        server = StdioServerParameters(command=sys.executable, args=words, env=environment(**env), cwd=folder)
        errors = tmp_path / "stderr"

        async def conversation() -> Any:
            with errors.open("w") as stream:
                async with Client(stdio_client(server, errlog=stream)) as client:
                    return await say(client)

        return anyio.run(conversation), errors.read_text()

    return run


def told(result: Any) -> Any:
    """What a tool answered."""
    assert not result.is_error, result.content
    [text] = result.content
    document = json.loads(text.text)
    assert result.structured_content == (document if isinstance(document, dict) else {"result": document})
    return document


def refused(result: Any) -> str:
    """Why a tool did nothing, in one line."""
    assert result.is_error
    [text] = result.content
    assert "\n" not in text.text
    return str(text.text)


@pytest.mark.thorough
def test_studies_are_read_and_nothing_is_changed_by_default(talk, url: str) -> None:
    async def say(client: Client) -> dict[str, Any]:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == READING
        assert all(tool.annotations.read_only_hint for tool in tools.values())
        assert tools["trial"].input_schema["required"] == ["study", "number"]
        return {
            "studies": told(await client.call_tool("list_studies", {})),
            "definition": told(await client.call_tool("show_definition", {"definition": "fcnn"})),
            "unknown": refused(await client.call_tool("show_study", {"study": "../../etc/passwd"})),
            "missing": refused(await client.call_tool("show_study", {})),
            "more": refused(await client.call_tool("trials", {"study": "x", "limit": 5, "sql": "1"})),
            "submit": refused(await client.call_tool("submit", {"definition": "fcnn", "trials": 5})),
        }

    found, errors = talk(say, "--storage", url)
    assert found["studies"] == []
    assert found["definition"]["name"] == "fcnn"
    assert found["unknown"].startswith("there is no study '../../etc/passwd' in sqlite:///")
    assert found["missing"] == "study is missing"
    assert found["more"] == "there is no 'sql' here: leave it out"
    assert found["submit"].startswith("there is no tool 'submit'; there is: list_studies")
    assert errors.splitlines()[0] == "hpo mcp: serving on standard input and output until the input ends"
    opened = storage.open(url)
    assert status.all_statuses(opened) == []
    assert program_tokens.list_all(opened) == []


@pytest.mark.thorough
def test_a_model_submits_within_its_budget_and_stops(talk, url: str) -> None:
    search = {"definition": "fcnn", "trials": 6, "fidelity": "quick", "name": "by a model"}

    async def say(client: Client) -> None:
        assert {tool.name for tool in (await client.list_tools()).tools} == READING | CHANGING
        assert told(await client.call_tool("submit", search))["added"] == 6
        assert "may open 4 more" in refused(await client.call_tool("submit", {**search, "trials": 11}))
        assert "no definition './evil.py:study'" in refused(
            await client.call_tool("submit", {"definition": "./evil.py:study", "trials": 1})
        )
        stopped = told(await client.call_tool("stop", {"study": "by a model", "why": "enough"}))
        assert (stopped["state"], stopped["stopped_why"]) == ("stopped", "enough")
        assert stopped["stopped_by"].startswith("token mcp-")
        page = told(await client.call_tool("trials", {"study": "by a model", "limit": 2}))
        assert (page["total"], page["trials"]) == (0, [])
        assert "has no complete trial" in refused(await client.call_tool("best", {"study": "by a model"}))
        assert "was not compared yet" in refused(await client.call_tool("compare", {"study": "by a model"}))

    talk(say, "--storage", url, "--allow-submit", "--budget", "10")
    opened = storage.open(url)
    assert Slots(opened).counts("by a model").target == 6
    assert program_tokens.list_all(opened) == []  # what it paid with ended with it


@pytest.mark.thorough
def test_a_dashboard_elsewhere_is_asked_with_the_token_of_the_environment(talk, url: str) -> None:
    import threading

    from hpo.web import server
    from hpo.web.application import create
    from hpo.web.security.hooks import Access
    from hpo.web.security.request_checks import names
    from hpo.web.security.users import Users

    opened = storage.open(url)
    token = program_tokens.create(opened, "model", scope="write", budget=3, seconds=60)
    served = server.listen(create(opened, Access(names=names("127.0.0.1"), users=Users())), host="127.0.0.1", port=0)
    thread = threading.Thread(target=served.run, daemon=True)
    thread.start()

    async def say(client: Client) -> str:
        search = {"definition": "fcnn", "trials": 3, "fidelity": "quick", "name": "far"}
        assert told(await client.call_tool("submit", search))["added"] == 3
        return refused(await client.call_tool("submit", {**search, "trials": 4}))

    async def ask(client: Client) -> str:
        return refused(await client.call_tool("list_studies", {}))

    why, errors = talk(say, "--url", served.url, "--allow-submit", HPO_TOKEN=token)
    assert "token 'model' may open 0 more" in why
    assert token not in errors
    served.close()
    why, _ = talk(ask, "--url", served.url)
    assert "127.0.0.1 does not answer" in why
