"""Every Python block of the docs and the README runs: page by page, in order, a namespace a page.

One process runs all pages. A block that begins with `# name.py` is the
file of that name, too, for the blocks and commands after it.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages import PAGES, PROJECT, blocks

RUNNER = """
import json, os, sys, traceback
from pathlib import Path

failed = {}
for page, folder, blocks in json.loads(sys.stdin.read()):
    os.chdir(folder)
    space = {"__name__": "docs", "__file__": str(Path(folder, "page.py"))}
    for line, code in blocks:
        if code.startswith("# ") and code.split("\\n")[0].endswith(".py"):
            Path(code.split("\\n")[0][2:]).write_text(code)
        try:
            exec(compile("\\n" * (line - 1) + code, page, "exec"), space)
        except BaseException:
            failed[page] = traceback.format_exc()
            break
Path(sys.argv[1]).write_text(json.dumps(failed))
"""
WITH_CODE = [page for page in PAGES if blocks(page, "python")]


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Page -> the traceback of its first block that failed; pages that ran are not in it."""
    asked = []
    for page in WITH_CODE:
        folder = tmp_path_factory.mktemp(page.stem)
        shutil.copy(PROJECT / "docs" / "wine.csv", folder)
        asked.append((str(page), str(folder), [(block.line, block.text) for block in blocks(page, "python")]))
    found = tmp_path_factory.mktemp("found") / "failed.json"
    done = subprocess.run(
        [sys.executable, "-P", "-c", RUNNER, str(found)],
        input=json.dumps(asked), capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(json.loads(found.read_text()))


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.name)
def test_every_python_block_of_a_docs_page_runs(page: Path, failed: dict[str, str]) -> None:
    assert str(page) not in failed, failed[str(page)]
