"""Nobody runs the benchmarks every day: that they still fit the package is seen here."""

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in (ROOT / "benchmarks").rglob("[!_]*.py")
)


@pytest.mark.parametrize("name", MODULES)
def test_every_benchmark_can_be_imported(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)
    assert importlib.import_module(name)


def test_make_bench_names_existing_benchmarks() -> None:
    asked = {
        line.split(" -m ")[1].split()[0] for line in (ROOT / "Makefile").read_text().splitlines() if " -m b" in line
    }
    assert {"benchmarks.engine", "benchmarks.throughput", "benchmarks.overhead"} <= asked <= set(MODULES)
