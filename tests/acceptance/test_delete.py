"""`hpo delete` asks on a terminal; here, one is made for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command import environment


@pytest.mark.thorough
@pytest.mark.parametrize(("answer", "code", "left"), [(b"n\n", 1, 1), (b"y\n", 0, 0)])
def test_delete_asks_for_confirmation_and_obeys_the_answer(answer: bytes, code: int, left: int, folder: Path) -> None:
    from hpo import storage
    from hpo.storage import studies

    opened = storage.prepare(f"sqlite:///{folder}/hpo.db")
    plan = studies.StudyPlan(
        name="mine", reference="toy.py:study", definition="toy", space="small", fingerprint="f", fidelity="quick",
        direction="minimize", metric="mae",
    )  # fmt: skip
    studies.create_or_resume(opened, plan)
    keyboard, stdin = os.openpty()
    os.write(keyboard, answer)
    done = subprocess.run(
        [sys.executable, "-m", "hpo", "delete", "mine"],
        cwd=folder, env=environment(), stdin=stdin, capture_output=True, text=True, check=False,
    )  # fmt: skip
    os.close(stdin)
    os.close(keyboard)
    assert done.returncode == code
    assert done.stdout.strip() == ""
    assert "Delete mine with its 0 finished trials?" in done.stderr
    assert ("nothing was done" in done.stderr) == bool(left)
    assert len(studies.list_all(opened)) == left
    opened.close()
