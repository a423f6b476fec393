"""Which of a machine's GPUs the environment leaves to a process."""

from collections.abc import Mapping, Sequence

__all__ = ["restrict"]


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


def _by_runtime(uuids: Sequence[str], said: str | None) -> list[str]:
    names = [name.strip() for name in (said or "").split(",") if name.strip()]
    if not names or names[0] in ("all", "void"):
        return list(uuids)
    if names[0] == "none":
        return []
    if not all(name.isdecimal() for name in names):
        known = [uuid for uuid in uuids if any(_is(uuid, name) for name in names)]
        return known or list(uuids)  # none of them is listed: names of another kind, which the runtime has heeded
    positions = {int(name) for name in names}
    if len(uuids) <= len(positions):
        return list(uuids)
    return [uuid for position, uuid in enumerate(uuids) if position in positions]


def _in_order(uuids: Sequence[str], said: str) -> list[str]:
    chosen: list[str] = []
    for name in (name.strip() for name in said.split(",")):
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
