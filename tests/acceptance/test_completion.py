"""What the shell offers after Tab, asked as bash asks."""

from pathlib import Path

import pytest


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("hpo opt", ["optimize"]),
        ("hpo optimize ", ["cnn", "dnn", "fcnn", "transfer"]),
        ("hpo optimize c", ["cnn"]),
        ("hpo optimize cnn --sampler q", ["qmc"]),
        ("hpo optimize cnn --pruner ", ["hyperband", "asha", "median", "wilcoxon", "none"]),
        ("hpo optimize cnn --space ", ["report", "wide"]),
        ("hpo optimize cnn --fidelity f", ["full"]),
        ("hpo optimize cnn --storage x --tri", ["--trials", "--trial-timeout"]),
        ("hpo train cnn --config b", ["best"]),
        ("hpo train fcnn --config r", ["report"]),
        ("hpo data ", ["fetch", "check"]),
        ("hpo best ", ["my-study"]),
        ("hpo stop ", ["my-study"]),
        ("hpo submit ", ["cnn", "dnn", "fcnn", "my-study", "transfer"]),
        ("hpo submit cnn --space w", ["wide"]),
        ("hpo optimize nonsense --space ", []),
    ],
)
def test_shell_completion_offers_commands_options_and_studies(
    typed: str, offered: list[str], hpo, folder: Path
) -> None:
    from hpo import storage
    from hpo.storage import studies

    opened = storage.prepare(f"sqlite:///{folder}/hpo.db")
    plan = studies.StudyPlan(
        name="my-study", reference="toy.py:study", definition="toy", space="small", fingerprint="f", fidelity="quick",
        direction="minimize", metric="mae",
    )  # fmt: skip
    studies.create_or_resume(opened, plan)
    opened.close()
    words = typed.split(" ")
    done = hpo(_HPO_COMPLETE="complete_bash", COMP_WORDS=typed, COMP_CWORD=str(len(words) - 1))
    assert (done.code, done.err) == (0, "")
    assert sorted(done.out.split()) == sorted(offered)


def test_show_completion_prints_the_shell_script(hpo) -> None:
    for shell in ("bash", "zsh", "fish"):
        done = hpo("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
        assert done.code == 0
        assert "_HPO_COMPLETE" in done.out
