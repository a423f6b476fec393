"""The make targets people and CI rely on."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_help_names_every_target():
    said = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    declared = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"^make ([a-z-]+)", said.stdout, re.MULTILINE)) == set(declared[1].split())


def test_make_targets_used_by_ci_and_the_readme_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = set()
    for path in (".ci/run", ".github/workflows/ci.yml", "README.md"):
        asked |= set(
            re.findall(r"(?:^ *(?:\$ )?|step \d+ |run: |`)make ([a-z][a-z-]*)", (ROOT / path).read_text(), re.MULTILINE)
        )
    assert asked >= {"demo", "test", "check", "chaos-short"}
    assert asked <= targets
