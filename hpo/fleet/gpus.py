"""The NVIDIA GPUs this process may use, as the driver's own tool lists them; nothing of CUDA is loaded for that."""

import csv
import logging
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Gpu", "Listing", "listed", "look", "restrict"]

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
    """Ask `nvidia-smi`, and heed CUDA_VISIBLE_DEVICES and NVIDIA_VISIBLE_DEVICES (see `restrict`)."""
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
        line = next((each.strip() for each in (out + err).splitlines() if each.strip()), "it says nothing")
        raise _Broken(f"{command} ends with code {process.returncode}: {line[:200]}")
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


def restrict(uuids: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """Those of `uuids`, all GPUs the driver lists in its order, that both variables allow.

    CUDA_VISIBLE_DEVICES is read as CUDA reads it: positions in the list or beginnings of UUIDs, in the order wanted,
    and nothing from the first one on that does not exist; empty means none. (By itself CUDA may count different models
    fastest first; CUDA_DEVICE_ORDER=PCI_BUS_ID makes it count as the driver does, and names by UUID need no counting.)

    NVIDIA_VISIBLE_DEVICES is the container runtime's, which has heeded it already where there is one: `all`, `void` and
    nothing say no more. Elsewhere it is a list like the other. Positions in it are the host's, while the driver counts
    what a container has from 0, so they count only where more GPUs are listed than it names.
    """
    left = _by_runtime(uuids, environment.get("NVIDIA_VISIBLE_DEVICES"))
    chosen = environment.get("CUDA_VISIBLE_DEVICES")
    return left if chosen is None else _in_order(left, chosen)


def _by_runtime(uuids: Sequence[str], variable: str | None) -> list[str]:
    names = [name.strip() for name in (variable or "").split(",") if name.strip()]
    if not names or names[0] in ("all", "void"):
        return list(uuids)
    if names[0] == "none":
        return []
    if not all(name.isdecimal() for name in names):
        named = [uuid for uuid in uuids if any(_is(uuid, name) for name in names)]
        return named or list(uuids)  # none of them is listed: names of another kind, which the runtime has heeded
    positions = {int(name) for name in names}
    if len(uuids) <= len(positions):
        return list(uuids)
    return [uuid for position, uuid in enumerate(uuids) if position in positions]


def _in_order(uuids: Sequence[str], variable: str) -> list[str]:
    chosen: list[str] = []
    for name in (name.strip() for name in variable.split(",")):
        if name.isdecimal():
            found = [uuids[int(name)]] if int(name) < len(uuids) else []
        else:
            found = [uuid for uuid in uuids if name and _is(uuid, name)]
        if len(found) != 1 or found[0] in chosen:
            return chosen
        chosen += found
    return chosen


def _is(uuid: str, name: str) -> bool:
    """Whether the name, or a beginning of it that says more than its kind, is this GPU's."""
    return len(name) > len("GPU-") and uuid.startswith(name)
