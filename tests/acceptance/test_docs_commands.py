"""The commands that the docs show and that train nothing are run as they stand; the tutorial as a whole, slowly."""

import re
import shlex
from pathlib import Path

import pytest
from command import Hpo
from pages import PAGES, PROJECT, commands

LOOKING = ("hpo show ", "hpo status", "hpo data check", "hpo db ")
TUTORIAL = [shlex.split(line)[1:] for line in commands(PROJECT / "docs" / "tutorial.md")]
SHOWN = sorted(
    {
        line
        for page in PAGES
        for line in commands(page)
        if line.startswith(LOOKING) and "--watch" not in line and "--storage" not in line
    }
)


@pytest.fixture
def shown(wine: Path) -> Path:
    """The folder the command runs in, with every file in it that a page shows: its first line is `# NAME.py`."""
    file = r"^```\w+\n(# (\w+\.(?:py|toml))\n.*?)^```"
    for page in PAGES:
        for text, name in re.findall(file, page.read_text(), re.MULTILINE | re.DOTALL):
            (wine / name).write_text(text)
    return wine


@pytest.mark.parametrize("line", SHOWN)
@pytest.mark.usefixtures("shown")
def test_commands_in_the_docs_that_train_nothing_run(line: str, hpo: Hpo) -> None:
    done = hpo(*shlex.split(line)[1:])
    if done.code == 1:  # of one study, which is not there yet; or of data that are not on this machine
        assert "there is no " in done.err or line.startswith("hpo data")
    else:
        assert done.code == 0, done.err
    assert "Traceback" not in done.err


@pytest.mark.slow
def test_the_tutorial_from_end_to_end(hpo: Hpo, wine: Path) -> None:
    assert [words[0] for words in TUTORIAL] == ["show", "optimize", "best", "trial", "compare", "report", "train"]
    for words in TUTORIAL:
        done = hpo(*words, timeout=900)
        assert done.code == 0, done.err
    assert "verdict" in (wine / "wine.html").read_text()
    assert (wine / "wine.keras").stat().st_size > 1000
