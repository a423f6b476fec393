"""A stand-in for `nvidia-smi`, which lists what a test says there is. Nothing else of a GPU is pretended."""

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

NAME, MIB = "NVIDIA H100 80GB HBM3", 81559


def uuid(number: int) -> str:
    return f"GPU-{number:08x}-5aa5-5aa5-5aa5-0123456789ab"


def part(number: int) -> str:
    return f"MIG-{number:08x}-5aa5-5aa5-5aa5-0123456789ab"


def install(
    folder: Path, gpus: int = 4, *, memory: str = str(MIB), parts: Mapping[int, Sequence[str]] | None = None
) -> str:
    """Put it in `folder`: `gpus` of them, some divided into `parts` (GPU -> profiles); the PATH that finds it first."""
    divided = parts or {}
    query, listing, count = [], [], 0
    for number in range(gpus):
        mode = "Enabled" if number in divided else "Disabled"
        query.append(f"{uuid(number)}, {NAME}, {memory}, {mode}")
        listing.append(f"GPU {number}: {NAME} (UUID: {uuid(number)})")
        for device, profile in enumerate(divided.get(number, ())):
            listing.append(f"  MIG {profile}     Device {device:>2}: (UUID: {part(count)})")
            count += 1
    return _script(folder, f'case "$1" in\n-L) {_say(listing)};;\n*) {_say(query)};;\nesac\n')


def install_broken(folder: Path, words: str, code: int) -> str:
    """Put one in `folder` that says `words` and ends with `code`; the PATH that finds it first."""
    return _script(folder, f"echo {shlex.quote(words)}\nexit {code}\n")


def _say(lines: Sequence[str]) -> str:
    return "printf '%s\\n' " + " ".join(shlex.quote(line) for line in lines) if lines else ":"


def _script(folder: Path, body: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "nvidia-smi"
    script.write_text(f"#!/bin/sh\n{body}")
    script.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"
