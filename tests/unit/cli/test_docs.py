"""The documentation tells the truth: every command in it parses, every option and variable in it exists."""

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer.main
from pages import PAGES, PROJECT, commands

from hpo.cli.app import app
from hpo.study import registry
from hpo.study.configurations import read_configurations
from tools.options import MARK, on_page_markdown

GROUP = typer.main.get_command(app)


def documented() -> list[str]:
    """Every line that calls hpo: after a prompt in any page, and in the help."""
    lines = [line.removeprefix("uv run ") for page in PAGES for line in commands(page)]
    found = [line for line in lines if re.match(r"(?:[A-Z_]+=\S+ )*hpo ", line)]
    for command in GROUP.commands.values():
        found += re.findall(r"^  (.*hpo .*)$", command.epilog, re.MULTILINE)
    return sorted({*found, *re.findall(r"^  (hpo .*)$", GROUP.epilog, re.MULTILINE)})


def every(command):
    """A command, and all there are below it."""
    return [command, *(one for inner in getattr(command, "commands", {}).values() for one in every(inner))]


@pytest.mark.parametrize("line", documented())
def test_every_example_command_in_the_docs_parses(line: str) -> None:
    words = shlex.split(line)
    while "=" in words[0]:
        words.pop(0)
    assert words.pop(0) == "hpo"
    if words == ["--install-completion"]:
        return  # it would change the shell's own files
    context = GROUP.make_context("hpo", list(words))
    name, command, rest = GROUP.resolve_command(context, words)
    assert command is not None
    command.make_context(name, rest, parent=context)  # parses and checks every value, and calls nothing


def test_every_command_has_examples_in_its_help_and_in_the_docs() -> None:
    page = commands(PROJECT / "docs" / "cli.md")
    for name, command in GROUP.commands.items():
        assert f"hpo {name}" in command.epilog
        assert any(line.startswith(f"hpo {name}") for line in page)


def test_docs_and_command_line_have_the_same_commands_and_options() -> None:
    page = (PROJECT / "docs" / "cli.md").read_text()
    assert set(re.findall(r"^\| `hpo (\w+)", page, re.MULTILINE)) == set(GROUP.commands)
    params = [p for command in every(GROUP) for p in command.params]
    known = {option for p in params for option in [*p.opts, *p.secondary_opts]}
    known |= {"--help", "--install-completion", "--show-completion"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page)) <= known


def test_the_docs_name_the_keys_of_each_json_document() -> None:
    from dataclasses import fields

    from hpo.experiments.doctor import Check
    from hpo.search import Measurement
    from hpo.storage.program_tokens import Token
    from hpo.storage.queries.status import StudyStatus
    from hpo.storage.queries.study_results import BestTrial, TrialReport
    from hpo.storage.worker_registry import FleetWorker, RunningTrial

    page = (PROJECT / "docs" / "cli.md").read_text().split("## JSON")[1]
    for record in (StudyStatus, RunningTrial, FleetWorker, BestTrial, TrialReport, Check, Token):
        for field in fields(record):
            assert f'"{field.name}"' in page, f"{record.__name__}.{field.name}"
    for name in ("params", "seed", "epochs", "train", "test", "compile_seconds", "fit_seconds"):
        assert name in {field.name for field in fields(Measurement)}
        assert f'"{name}"' in page


def test_configurations_in_the_docs_belong_to_their_space(tmp_path: Path) -> None:
    page = (PROJECT / "docs" / "cli.md").read_text()
    blocks = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert blocks
    cnn = registry.load("cnn")
    for block in blocks:
        file = tmp_path / "mine.json"
        file.write_text(block)
        assert read_configurations(file, cnn, cnn.space("report")) == json.loads(block)


def test_the_docs_name_every_installed_definition() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    names = sorted(project["entry-points"]["hpo.studies"])
    assert ", ".join(names) in GROUP.commands["show"].params[0].help
    assert ", ".join(f"`{name}`" for name in names) in (PROJECT / "docs" / "cli.md").read_text()


def test_the_docs_site_has_every_command_with_all_options() -> None:
    page = on_page_markdown((PROJECT / "docs" / "options.md").read_text(encoding="utf-8"))
    assert MARK not in page
    for name, command in GROUP.commands.items():
        section = page.split(f"\n## hpo {name}\n")[1].split("\n## ")[0]
        for parameter in command.params:
            if parameter.opts[0].startswith("-") and not parameter.hidden:
                assert all(f"{option}" in section for option in parameter.opts), f"hpo {name} {parameter.opts}"
