"""The NVIDIA GPUs this process may use, as the driver's own tool lists them; nothing of CUDA is loaded for that."""

import csv
import logging
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from hpo.fleet.machine.visible_gpus import restrict

__all__ = ["Gpu", "Listing", "listed", "look"]

_log = logging.getLogger("hpo.hosts")
_MIB = 1 << 20
TIMEOUT = 60.0  # seconds; without the persistence daemon a driver takes several to wake up eight GPUs
_NONE = "No devices were found"  # the driver runs and has no GPU, or this container was given none
_FIELDS = "uuid,name,memory.total,mig.mode.current"
_GPU = re.compile(r"GPU \d+: .*\(UUID: (?P<uuid>[^)\s]+)\)")
_MIG = re.compile(r"\s+MIG (?P<profile>\S+)\s.*\(UUID: (?P<uuid>MIG-[^)\s]+)\)")
_GIGABYTES = re.compile(r"(\d+)gb")


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A GPU, or a part of one that is divided (MIG): what CUDA_VISIBLE_DEVICES can name."""

    uuid: str  # as the driver writes it: GPU-… or MIG-…
    name: str  # for people
    memory_bytes: int | None  # None: the driver does not say, as where it shares the machine's memory


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The GPUs that nvidia-smi named, and what was wrong with its answer."""

    gpus: tuple[Gpu, ...]  # in the driver's order
    problem: str = ""  # why some or all may be missing, in words; empty: nothing is wrong


def listed() -> tuple[Gpu, ...]:
    """The GPUs this process may use; none without a driver, and none with a broken one, which a warning tells."""
    listing = look()
    if listing.problem:
        _log.warning("%s", listing.problem)
    return listing.gpus


def look(environment: Mapping[str, str] = os.environ) -> Listing:
    """Ask `nvidia-smi`, and heed CUDA_VISIBLE_DEVICES and NVIDIA_VISIBLE_DEVICES (see `visible`)."""
    tool = shutil.which("nvidia-smi", path=environment.get("PATH"))
    if tool is None:
        return Listing(gpus=())
    try:
        found, divided = _whole(_ask(tool, f"--query-gpu={_FIELDS}", "--format=csv,noheader,nounits"))
        if divided:
            parts = _parts(_ask(tool, "-L"))
            found = [piece for gpu in found for piece in (parts.get(gpu.uuid, []) if gpu.uuid in divided else [gpu])]
    except _Broken as error:
        return Listing(gpus=(), problem=f"no GPU can be used: {error}")
    kept = restrict([gpu.uuid for gpu in found], environment)
    by_uuid = {gpu.uuid: gpu for gpu in found}
    return Listing(gpus=tuple(by_uuid[uuid] for uuid in kept))


class _Broken(Exception):  # noqa: N818 - a state of the driver
    """The driver's tool is there and does not do its work; its text says how."""


def _ask(tool: str, *arguments: str) -> str:
    """What the tool prints. Raises _Broken."""
    command = f"nvidia-smi {arguments[0].split('=')[0]}"
    try:
        process = subprocess.Popen([tool, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except OSError as error:
        raise _Broken(f"{tool} cannot be run: {error.strerror}") from None
    try:
        out, err = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()  # its end is not waited for: what hangs in a driver may not die before the driver lets go of it
        raise _Broken(f"{command} did not answer within {TIMEOUT:g} seconds: restart the driver") from None
    if _NONE in out:
        return ""
    if process.returncode:
        said = next((line.strip() for line in (out + err).splitlines() if line.strip()), "it says nothing")
        raise _Broken(f"{command} ends with code {process.returncode}: {said[:200]}")
    return out


def _whole(answer: str) -> tuple[list[Gpu], set[str]]:
    """Every GPU, and the UUIDs of those that are divided. Raises _Broken."""
    found, divided = [], set()
    for row in csv.reader(answer.splitlines(), skipinitialspace=True):
        if len(row) != _FIELDS.count(",") + 1 or not row[0].startswith("GPU-"):
            raise _Broken(f"nvidia-smi says what is not understood: {', '.join(row)[:200]!r}")
        uuid, name, memory, mode = (text.strip() for text in row)
        found.append(Gpu(uuid=uuid, name=name, memory_bytes=int(memory) * _MIB if memory.isdecimal() else None))
        if mode == "Enabled":
            divided.add(uuid)
    return found, divided


def _parts(listing: str) -> dict[str, list[Gpu]]:
    """The parts of each divided GPU by its UUID; one without any has an empty list."""
    parts: dict[str, list[Gpu]] = {}
    uuid = ""
    for line in listing.splitlines():
        if whole := _GPU.match(line):
            uuid = whole["uuid"]
            parts[uuid] = []
        elif uuid and (part := _MIG.match(line)):
            size = _GIGABYTES.search(part["profile"])
            memory = int(size[1]) * 1024 * _MIB if size else None
            parts[uuid].append(Gpu(uuid=part["uuid"], name=f"MIG {part['profile']}", memory_bytes=memory))
    return parts
