"""Commands that messages suggest can be typed as they stand: a study may be called `my study's 1`."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

HPO = Path(__file__).parents[3] / "hpo"

# What stands before a name that somebody chose: the command, or an option that takes one.
_TAKES_A_NAME = re.compile(
    r"(hpo (best|compare|delete|export|importance|optimize|report|resume|show|status|stop|submit|sweep|train|trial)"
    r"|adduser|chmod \d+|--(fidelity|name|objectives|space|storage|study|users)) $"
)


def suggested(file: Path) -> Iterator[tuple[int, str]]:
    """The expressions that fill in a name within a command, by line."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.JoinedStr):
            for before, value in zip(node.values, node.values[1:], strict=False):
                said = before.value if isinstance(before, ast.Constant) else ""
                if isinstance(value, ast.FormattedValue) and _TAKES_A_NAME.search(str(said)):
                    yield value.lineno, ast.unparse(value.value)


FOUND = [(file, line, name) for file in sorted(HPO.rglob("*.py")) for line, name in suggested(file)]


@pytest.mark.parametrize(
    ("file", "line", "name"), FOUND, ids=[f"{file.relative_to(HPO)}:{line}" for file, line, _ in FOUND]
)
def test_every_name_in_a_suggested_command_is_quoted_for_the_shell(file: Path, line: int, name: str) -> None:
    assert name.startswith("shlex.quote("), f"{file}:{line} has {name}"


def test_suggested_commands_are_found_in_the_source() -> None:
    assert len(FOUND) >= 20


def test_every_name_in_a_command_of_the_pages_is_quoted_for_the_shell() -> None:
    templates = [*HPO.rglob("*.html")]
    names = [name for file in templates for name in re.findall(r"hpo \w+ \{\{([^}]*)\}\}", file.read_text())]
    assert names
    assert all("| word" in name for name in names)
