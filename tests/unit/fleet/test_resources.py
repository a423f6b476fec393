"""What a process may use of its machine; control groups: a tree of files of both versions."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.fleet import resources
from hpo.fleet.resources import default_limit, machine_bytes, resident_bytes

GIB = 1 << 30


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty tree; what /proc/self/cgroup says is in `membership` beside it."""
    mount = tmp_path / "cgroup"
    mount.mkdir()
    monkeypatch.setattr(resources, "MOUNT", mount)
    monkeypatch.setattr(resources, "MEMBERSHIP", tmp_path / "membership")
    return mount


def join(tree: Path, lines: str) -> None:
    (tree.parent / "membership").write_text(lines)


def write(tree: Path, **files: str) -> None:
    """`cpu__max="…"` writes cpu.max."""
    tree.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (tree / name.replace("__", ".")).write_text(text + "\n")


@pytest.fixture
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)), raising=False)


@pytest.mark.usefixtures("eight_cores")
@pytest.mark.parametrize(
    ("quota", "cores_of_it", "usable"),
    [("max 100000", None, 8), ("150000 100000", 1.5, 2), ("20000 100000", 0.2, 1), ("1600000 100000", 16.0, 8)],
)
def test_the_quota_of_a_container_limits_its_cores(
    tree: Path, quota: str, cores_of_it: float | None, usable: int
) -> None:
    join(tree, "0::/\n")
    write(tree, cpu__max=quota)
    assert resources.quota() == cores_of_it
    assert resources.usable_cores() == usable


@pytest.mark.usefixtures("eight_cores")
def test_the_tightest_enclosing_control_group_limits(tree: Path) -> None:
    join(tree, "0::/user.slice/work.scope\n")
    write(tree / "user.slice" / "work.scope", cpu__max="max 100000", memory__max=str(4 * GIB), memory__current="0")
    write(tree / "user.slice", cpu__max="300000 100000", memory__max="max")
    assert resources.usable_cores() == 3
    assert resources.machine_bytes() <= 4 * GIB
    write(tree / "user.slice" / "work.scope", memory__current=str(3 * GIB))
    assert resources.free_bytes() <= GIB


@pytest.mark.usefixtures("eight_cores")
def test_control_groups_of_version_1_are_read_per_controller(tree: Path) -> None:
    join(tree, "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n1:name=systemd:/\n")
    # A container sees its own group as the root, and not under the path that /proc names.
    write(tree / "cpu,cpuacct", cpu__cfs_quota_us="200000", cpu__cfs_period_us="100000")
    write(tree / "memory", memory__limit_in_bytes=str(2 * GIB), memory__oom_control="oom_kill_disable 0\noom_kill 3")
    assert resources.usable_cores() == 2
    assert resources.machine_bytes() <= 2 * GIB
    assert resources.oom_kills() == 3
    write(tree / "cpu,cpuacct", cpu__cfs_quota_us="-1")
    assert resources.quota() is None


def test_oom_kills_are_counted_in_the_innermost_control_group(tree: Path) -> None:
    join(tree, "0::/a/b\n")
    write(tree / "a" / "b", memory__events="low 0\nmax 7\noom 2\noom_kill 1\noom_group_kill 0")
    write(tree / "a", memory__events="oom_kill 9")
    assert resources.oom_kills() == 1


def test_without_control_groups_nothing_is_limited(tree: Path) -> None:
    assert resources.quota() is None
    assert resources.oom_kills() is None
    join(tree, "0::/../..\nnonsense\n")  # as a container sees a process outside of it
    assert resources.quota() is None


@pytest.mark.parametrize("text", ["", "max", "0 100000", "100000 0", "lots 100000", "100000"])
def test_an_unreadable_cpu_quota_is_ignored(tree: Path, text: str) -> None:
    join(tree, "0::/\n")
    write(tree, cpu__max=text)
    assert resources.quota() is None


@given(processes=st.integers(-1, 64))
def test_thread_shares_never_exceed_the_cores_and_are_at_least_one(processes: int) -> None:
    threads = resources.share(processes)
    assert threads >= 1
    assert threads == 1 or threads * processes <= resources.usable_cores() or processes < 1


def test_the_memory_of_a_process_is_measured() -> None:
    before = resident_bytes()
    held = bytearray(b"x" * 64_000_000)
    assert resident_bytes() - before > 50_000_000
    assert held


@pytest.mark.parametrize("workers", [1, 2, 256])
def test_workers_share_the_memory_with_a_minimum_for_each(workers: int) -> None:
    limit = default_limit(workers)
    assert limit >= 1 << 30
    assert limit == 1 << 30 or limit * workers <= machine_bytes()
