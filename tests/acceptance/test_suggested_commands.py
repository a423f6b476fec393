"""What a command suggests to type next works as it stands, whatever the study and the files are called."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from command import Hpo, environment

from hpo import storage
from hpo.storage import studies
from hpo.storage.slots.slots import Slots
from hpo.study import registry

NAME = "my study's 1"
TOY = """
from hpo.study import *

def nothing(*_):
    raise AssertionError("nothing may be trained here")

study = StudyDefinition(
    name="toy", title="Toy", data=nothing, build=nothing, metric="score", score=nothing, direction="maximize",
    spaces=(Space(name="a line", params={"x": Float(low=0.0, high=1.0)}),), evaluation=Holdout(rows=1),
    fidelities=(Fidelity(name="quick; really", epochs=9),),
    baselines=(Baseline(name="b", title="", params={"x": 0.5}),),
)
"""


@pytest.fixture
def study(folder: Path) -> str:
    """The definition, in an awkward place, of a study with an awkward name, none of whose trials has begun."""
    place = folder / "what's here"
    place.mkdir()
    (place / "toy.py").write_text(TOY)
    reference = f"{place}/toy.py:study"
    space = registry.load(reference).space()
    opened = storage.prepare(f"sqlite:///{folder}/hpo.db")
    plan = studies.StudyPlan(
        name=NAME, reference=reference, definition="toy", space=space.name, fingerprint=space.fingerprint,
        fidelity="quick; really", direction="maximize", metric="score", seed=1, sampler="random", pruner="none",
    )  # fmt: skip
    studies.create_or_resume(opened, plan)
    Slots(opened).open(NAME, 2)
    opened.close()
    return reference


def typed(command: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """A command line as a shell takes it."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    return subprocess.run(
        ["sh", "-c", command], cwd=folder, env=environment(PATH=path), capture_output=True, text=True, check=False
    )


@pytest.mark.thorough
def test_suggested_commands_work_as_printed(hpo: Hpo, study: str, folder: Path) -> None:
    name = shlex.quote(NAME)
    for before, suggests, told in (
        (("best", NAME), f"hpo status {name}", "0 of 2"),
        (("stop", NAME), f"hpo resume {name}", "goes on"),
    ):
        done = hpo(*before)
        assert suggests in done.out + done.err
        after = typed(suggests, folder)
        assert after.returncode == 0, after.stderr
        assert told in after.stdout


def test_a_suggested_search_is_quoted_for_the_shell(hpo: Hpo, study: str) -> None:
    done = hpo("compare", NAME)
    assert done.code == 1
    found = re.search(r"hpo optimize .*", done.err)
    assert found is not None
    assert shlex.split(found[0]) == [
        *("hpo", "optimize", study, "--trials", "2", "--space", "a line", "--fidelity", "quick; really"),
        *("--name", NAME),
    ]
