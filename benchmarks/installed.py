"""How much of the disk the packages of a lock file take, as they are installed here.

    python -m benchmarks.installed requirements-cpu.lock [OTHER.lock ...]

What a lock names and this environment lacks is told, and counts as nothing. Of a lock of an earlier commit:
`git show COMMIT:requirements-cpu.lock > before.lock`.
"""

import argparse
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement


def locked(lock: Path) -> list[str]:
    """The packages of a lock file that this Python and this machine would be given."""
    lines = (line.rstrip("\\ ") for line in lock.read_text().splitlines() if line[:1].isalnum())
    wanted = (Requirement(line) for line in lines)
    return [one.name for one in wanted if one.marker is None or one.marker.evaluate()]


def installed_bytes(package: Distribution) -> int:
    """Bytes of all files that were installed with the package."""
    paths = (Path(str(package.locate_file(file))) for file in package.files or ())
    return sum(path.stat().st_size for path in paths if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description="size of the packages of a lock file, as installed here")
    parser.add_argument("locks", nargs="+", type=Path)
    for lock in parser.parse_args().locks:
        names, sizes, missing = locked(lock), {}, []
        for name in names:
            try:
                sizes[name] = installed_bytes(distribution(name)) / 1e6
            except PackageNotFoundError:
                missing.append(name)
        print(f"{lock}: {len(names)} packages, {sum(sizes.values()):.0f} MB")
        largest = sorted(sizes, key=lambda name: -sizes[name])[:8]
        print("  the largest: " + ", ".join(f"{name} {sizes[name]:.0f}" for name in largest))
        if missing:
            print(f"  not installed here: {', '.join(missing)}")


if __name__ == "__main__":
    main()
