"""A database that nobody can write, in a folder that nobody can write."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def read_only(place: Path, database: Path) -> Iterator[None]:
    """Have `place` hold a copy of the database that nobody can write: permissions do not keep root from it."""
    root = os.geteuid() == 0
    if root and subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], capture_output=True, check=False).returncode:
        pytest.skip("root writes where it may not, and may not mount here")
    shutil.copy(database, place / "hpo.db")
    if root:
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
    else:
        (place / "hpo.db").chmod(0o444)
        place.chmod(0o555)
    try:
        yield
    finally:
        if root:
            subprocess.run(["umount", place], check=True)
        else:
            place.chmod(0o755)
