"""The form of the docs: what each block of code is, and lines that fit a screen."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml
from pages import PAGES, PROJECT, blocks, commands

from hpo.study import registry
from tools.wrap import WIDTH, wrapped

CANNOT_RUN = {"sh": 18, "dockerfile": 1}  # Docker, clusters, other machines: see CONTRIBUTING.md
SHOWN = {"text", "mermaid"}  # nothing in them could run
ELSEWHERE = {"python", "console"}  # tests/integration/test_docs_python.py, tests/unit/cli/test_docs.py


def test_every_code_block_names_its_language_and_few_are_not_run() -> None:
    found = Counter(block.language for page in PAGES for block in blocks(page))
    assert set(found) <= {*CANNOT_RUN, *SHOWN, *ELSEWHERE, "json", "yaml", "toml"}
    assert {language: found[language] for language in CANNOT_RUN} == CANNOT_RUN


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_json_and_yaml_blocks_of_the_docs_parse(page: Path) -> None:
    for block in blocks(page, "json"):
        json.loads(block.text)
    for block in blocks(page, "yaml"):
        assert yaml.safe_load(block.text)


def test_program_files_shown_in_the_docs_can_be_searched(tmp_path: Path) -> None:
    shown = [block.text for page in PAGES for block in blocks(page, "toml")]
    assert shown
    for text in shown:
        (tmp_path / "train.toml").write_text(text)
        assert registry.find(str(tmp_path / "train.toml")).direction


def test_mermaid_diagrams_have_no_premature_end_of_statement() -> None:
    """Mermaid takes a semicolon, and in a state diagram a second colon, for the end of a statement."""
    drawn = [block.text for page in PAGES for block in blocks(page, "mermaid")]
    assert [text.split()[0] for text in drawn] == ["stateDiagram-v2", "sequenceDiagram"]
    assert not any(";" in text for text in drawn)
    assert all(line.count(":") <= 1 for line in drawn[0].split("\n"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_only_known_programs_follow_a_prompt_in_the_docs(page: Path) -> None:
    """What is hpo's is parsed by it, and make's targets are looked up; anything else belongs in a block of sh."""
    for line in commands(page):
        program = next(word for word in line.split() if not re.match(r"[A-Z_]+=", word))
        assert program in {"hpo", "make", "uv"}, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_line_of_prose_exceeds_the_width(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert wrapped(text) == text, f"{page.name}: make format lays it out anew"


def test_the_wrapping_tool_leaves_tables_and_code_alone() -> None:
    words = "word " * 40
    kept = f"| {words} |\n\n```sh\n{words}\n```\n\n    {words}\n\n# {words}\n"
    assert wrapped(kept) == kept
    made = wrapped(f"{words}`{'a b ' * 10}` - [{words[:50]}](page.md) end\n\n- {words}\n  more\n")
    assert all(len(line) <= WIDTH for line in made.split("\n"))
    assert made.split() == f"{words}`{'a b ' * 10}` - [{words[:50]}](page.md) end - {words} more".split()
    assert f"`{'a b ' * 10}`" in made
    assert not re.search(r"^- \[", made, re.MULTILINE)  # a dash in a sentence begins no item
    assert made.count("\n- ") == 1
    assert wrapped(made) == made


def test_the_architecture_page_is_short() -> None:
    lines = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 160
    assert max(map(len, lines)) <= 120
