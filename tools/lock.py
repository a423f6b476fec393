"""Resolve the versions everything is tested with: requirements.lock, and the same as constraints in pyproject.toml.

The constraints hold `uv run` to the lock. Needs uv (pip install uv). One lock serves Python 3.11 to 3.13 on every
platform; it names no package index.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "# Written by `make lock`", "]  # end of what `make lock` writes"
COMPILE = (
    "uv pip compile --universal --python-version 3.11 --upgrade --generate-hashes --no-header"
    " --no-emit-index-url --no-emit-find-links --extra cpu --extra dev pyproject.toml --output-file requirements.lock"
)


def main() -> int:
    """Write both files; 1 where uv is missing or cannot resolve."""
    uv = shutil.which("uv")
    if uv is None:
        print("make lock needs uv: pip install uv", file=sys.stderr)
        return 1
    project = ROOT / "pyproject.toml"
    before = project.read_text()
    project.write_text(with_pins(before, []))  # or the last lock would constrain this one
    done = subprocess.run([uv, *COMPILE.split()[1:]], cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        project.write_text(before)
        return 1
    lock = (ROOT / "requirements.lock").read_text()
    if hosts := re.findall(r"\w+://\S+", lock):
        project.write_text(before)
        print(f"requirements.lock names {hosts[0]}", file=sys.stderr)
        return 1
    project.write_text(with_pins(before, pins(lock)))
    return 0


def pins(lock: str) -> list[str]:
    """The requirements of a lock, without their hashes."""
    return [line.removesuffix("\\").strip() for line in lock.splitlines() if re.match(r"[A-Za-z0-9]", line)]


def with_pins(project: str, requirements: list[str]) -> str:
    """pyproject.toml with those constraints instead of the ones it has."""
    head, _, rest = project.partition(BEGIN)
    first_line, _, rest = rest.partition("\n")
    _, _, tail = rest.partition(END)
    listed = "".join(f'  "{requirement}",\n' for requirement in requirements)
    return f"{head}{BEGIN}{first_line}\nconstraint-dependencies = [\n{listed}{END}{tail}"


if __name__ == "__main__":
    sys.exit(main())
