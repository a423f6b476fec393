"""A search that came to nothing is no success: it says so, with the reason, wherever one asks how it ended."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from asking import asked
from paged import read, words

from hpo import storage
from hpo.cli.main import main
from hpo.cli.printing.search_text import conclude
from hpo.cli.printing.status_text import study_lines
from hpo.errors import StudyError
from hpo.experiments.search_plan import Plan, Request, plan
from hpo.storage import studies
from hpo.storage.queries import live_queries, status
from hpo.storage.queries.status import snapshot
from hpo.storage.slots.slots import Slots
from hpo.storage.studies import halting
from hpo.web.pages import create

DEFINITION = """
from hpo.study import *

def nothing(*_):
    raise AssertionError("nothing is trained here")

study = StudyDefinition(
    name="toy", title="Toy", data=nothing, build=nothing, metric="mae", direction="minimize",
    spaces=(Space(name="small", params={"x": Float(low=0.0, high=1.0)}),), evaluation=Holdout(rows=1),
    fidelities=(Fidelity(name="quick", epochs=9),),
)
"""

DIVERGED = ("pruned", "diverged: the loss was not finite at step 1 of epoch 1")
INFEASIBLE = ("pruned", "infeasible: too wide")
BROKEN = ("failed", "ValueError: no luck")


@pytest.fixture
def wanted(tmp_path: Path) -> Callable[[int], Request]:
    """A search for so many trials."""
    (tmp_path / "toy.py").write_text(DEFINITION)
    where = {"definition": f"{tmp_path}/toy.py:study", "storage": f"sqlite:///{tmp_path}/hpo.db"}
    return lambda trials: asked(**where, trials=trials, workers=2)


def settled(request: Request, *outcomes: tuple[str, str | None]) -> tuple[Plan, storage.Storage]:
    """A search some of whose trials ended so, in that order, and what was planned for it."""
    ahead = plan(request)
    opened = storage.prepare(request.storage)
    made = studies.StudyPlan(
        name=ahead.study, reference=request.definition, definition="toy", space="small",
        fingerprint=ahead.space.fingerprint, fidelity="quick", direction="minimize", metric="mae", sampler="random",
        pruner="none",
    )  # fmt: skip
    studies.create_or_resume(opened, made)
    slots = Slots(opened)
    slots.open(ahead.study, request.trials)
    for outcome, reason in outcomes:
        slot = slots.claim(ahead.study, "me", 60)
        assert slot is not None
        slots.settle(slot, outcome, value=0.5 if outcome == "pruned" else None, reason=reason)
    return ahead, opened


@pytest.mark.parametrize(
    ("outcomes", "why"),
    [
        ([DIVERGED] * 3, f"3 pruned, the last with {DIVERGED[1]}"),
        ([DIVERGED, INFEASIBLE], "2 pruned, the last with infeasible: too wide"),
        ([BROKEN], "1 failed, the last with ValueError: no luck"),
        (
            [INFEASIBLE, BROKEN, DIVERGED],
            f"1 failed, the last with ValueError: no luck; 2 pruned, the last with {DIVERGED[1]}",
        ),
        ([("pruned", None)], "1 pruned, the last with no reason was recorded"),
    ],
)
@pytest.mark.parametrize("quiet", [False, True])
def test_a_search_without_a_complete_trial_fails_with_the_reason(
    wanted: Callable[[int], Request], outcomes: list[tuple[str, str | None]], why: str, quiet: bool
) -> None:
    ahead, opened = settled(wanted(len(outcomes)), *outcomes)
    progress = replace(snapshot(opened, ahead.study), ended="done")
    with pytest.raises(StudyError) as caught:
        conclude(ahead, progress, quiet=quiet)
    assert str(caught.value).startswith(f"no trial of {ahead.study} is complete: {why}")
    found = status.study_status(opened, ahead.study)
    assert found.nothing_complete is not None
    assert found.nothing_complete.why == why
    assert f"state    failed: no trial is complete: {why}" in "\n".join(study_lines(found))


def test_a_search_with_a_complete_or_open_trial_does_not_fail(wanted: Callable[[int], Request]) -> None:
    ahead, opened = settled(wanted(2), DIVERGED)
    assert status.study_status(opened, ahead.study).nothing_complete is None
    slot = Slots(opened).claim(ahead.study, "me", 60)
    assert slot is not None
    Slots(opened).settle(slot, "complete", 0.5)
    assert status.study_status(opened, ahead.study).nothing_complete is None


def test_the_pages_show_why_no_trial_is_complete(wanted: Callable[[int], Request]) -> None:
    ahead, opened = settled(wanted(2), DIVERGED, DIVERGED)
    client = create(opened, shared_seconds=-1).test_client()
    for address in ("/", f"/studies/{ahead.study}"):
        assert f"o trial is complete: 2 pruned, the last with {DIVERGED[1]}" in words(read(client, address))


def test_diverged_trials_are_reported_as_failures_and_pruned_ones_are_not(
    wanted: Callable[[int], Request],
) -> None:
    ahead, opened = settled(wanted(3), DIVERGED, DIVERGED, ("pruned", "pruned after epoch 3 of 9 at mae 0.5"))
    (told,) = live_queries.failures(opened, ahead.study, 10)
    assert (told.reason, told.outcome, told.trials) == (DIVERGED[1], "pruned", 2)


def test_status_suggests_the_next_command(wanted: Callable[[int], Request], capsys: pytest.CaptureFixture[str]) -> None:
    def last(*command: str) -> str:
        assert main([*command, "--storage", request.storage]) == 0
        return capsys.readouterr().err.splitlines()[-1]

    request = wanted(2)
    ahead, opened = settled(request, BROKEN)
    name, where = ahead.study, f" --storage {request.storage}"
    assert last("status") == f"next: hpo status {name}{where}"
    assert last("status", name) == f"next: hpo worker{where}"
    slot = Slots(opened).claim(name, "me", 60)
    assert slot is not None
    assert last("status", name) == f"next: hpo status {name} --watch{where}"
    halting.stop(opened, name, by="me", why=None, now=False)
    assert last("status", name) == f"next: hpo resume {name}{where}"
    Slots(opened).settle(slot, "complete", 0.5)
    assert last("status", name) == f"next: hpo best {name}{where}"
    assert last("best", name) == f"next: hpo compare {name}{where}"
    assert main(["best", name, "--storage", request.storage, "--json"]) == 0
    assert "next" not in capsys.readouterr().err


def test_a_study_whose_trials_all_failed_has_failed(
    wanted: Callable[[int], Request], capsys: pytest.CaptureFixture[str]
) -> None:
    ahead, opened = settled(wanted(2), BROKEN, DIVERGED)
    found = status.study_status(opened, ahead.study)
    assert (found.state, found.ended) == ("failed", True)
    assert main(["status", "--storage", wanted(2).storage]) == 0
    assert "failed" in next(line for line in capsys.readouterr().out.splitlines() if ahead.study in line).split()
