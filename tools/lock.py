"""Resolve the versions everything is tested with: requirements.lock, and the same as constraints in pyproject.toml.

The constraints hold `uv run` to the lock. Needs uv (pip install uv). One lock serves Python 3.11 to 3.13 on every
platform; it names no package index. The images install less, and for a GPU more: requirements-cpu.lock and
requirements-gpu.lock have what they need, in the same versions.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "# Written by `make lock`", "]  # end of what `make lock` writes"
COMPILE = (
    "pip compile --universal --python-version 3.11 --upgrade --generate-hashes --no-header"
    " --no-emit-index-url --no-emit-find-links pyproject.toml"
)
EVERYTHING = "--extra cpu --extra dev --output-file requirements.lock"
IMAGES = {
    f"requirements-{variant}.lock": f"--extra {variant} --extra postgres --constraint requirements.lock --no-annotate"
    f" --output-file requirements-{variant}.lock"
    for variant in ("cpu", "gpu")
}


def main() -> int:
    """Write all of them; 1 where uv is missing or cannot resolve."""
    uv = shutil.which("uv")
    if uv is None:
        print("make lock needs uv: pip install uv", file=sys.stderr)
        return 1
    project = ROOT / "pyproject.toml"
    before = project.read_text()
    project.write_text(with_pins(before, []))  # or the last lock would constrain this one
    for name, options in {"requirements.lock": EVERYTHING, **IMAGES}.items():
        command = [uv, *COMPILE.split(), *options.split()]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
        hosts = re.findall(r"\w+://\S+", (ROOT / name).read_text()) if not done.returncode else []
        if done.returncode or hosts:
            project.write_text(before)
            print(f"{name} {f'names {hosts[0]}' if hosts else 'was not written'}", file=sys.stderr)
            return 1
    project.write_text(with_pins(before, pins((ROOT / "requirements.lock").read_text())))
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
