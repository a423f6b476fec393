import sys
from pathlib import Path

import pytest

import hpo
from hpo.errors import DefinitionError, UsageError
from hpo.observers import naming

OWN = """
import hpo


class Mine(hpo.Observer):
    def __init__(self, target="nowhere"):
        self.target = target


class Other:
    pass


text = "no class"
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    file = tmp_path / "mine.py"
    file.write_text(OWN)
    return file


def test_a_class_of_ones_own_is_made_with_its_target_or_without(own: Path) -> None:
    named = naming.parse("./mine.py:Mine:a:b")
    assert named.shown == "./mine.py:Mine"
    assert naming.make(named.text).target == "a:b"  # type: ignore[attr-defined]
    assert naming.make(naming.parse(f"{own}:Mine").text).target == "nowhere"  # type: ignore[attr-defined]


@pytest.mark.parametrize(("name", "why"), [("Other", "makes a Other"), ("text", "is a str"), ("Absent", "no 'Absent'")])
def test_an_object_that_is_no_observer_is_refused(own: Path, name: str, why: str) -> None:
    with pytest.raises(DefinitionError, match=why):
        naming.make(naming.parse(f"{own}:{name}").text)


def test_an_installed_observer_is_found_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "their_observers.py").write_text(OWN)
    about = tmp_path / "theirs-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[hpo.observers]\ntheirs = their_observers:Mine\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    named = naming.parse("theirs:x")
    assert named.shown == "theirs"
    assert naming.make(named.text).target == "x"  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match=r"no observer 'their'; did you mean theirs\?"):
        naming.parse("their:x")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("webhook", "lacks its target"),
        ("webhook:ftp://example.org", "takes a URL"),
        ("webhook:https://", "takes a URL"),
        ("webhook:http://a b", "takes a URL"),
        ("mlflow:mlruns", "mlflow:sqlite:///mlruns.db"),
        ("wandb:a/b/c", "ENTITY/PROJECT"),
        ("apprise:me@example.org", "URL of Apprise's"),
        ("tensorboard:mine.py", "names a file"),
        ("", "no observer ''; there are: apprise, "),
        ("webhok:x", r"no observer 'webhok'; did you mean webhook\? There are: apprise, "),
    ],
)
def test_an_invalid_observer_target_is_refused_before_anything_runs(own: Path, text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        naming.parse(text)


def test_an_observer_with_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(Path(hpo.__file__).parents[1])])
    monkeypatch.setattr(sys, "meta_path", [one for one in sys.meta_path if "editable" not in repr(one)])
    monkeypatch.delitem(sys.modules, "apprise", raising=False)
    with pytest.raises(UsageError, match=r"pip install 'hpo-service\[notify\]'"):
        naming.parse("apprise:json://localhost")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("webhook:https://me:pw@hooks.example.org:8443/T0/secret", "webhook:https://hooks.example.org:8443/…"),
        ("mlflow:http://me:pw@example.org", "mlflow:http://example.org"),
        ("apprise:tgram://token/chat", "apprise:tgram://…"),
        ("wandb:us/project", "wandb:us/project"),
    ],
)
def test_a_printed_observer_target_holds_no_secret(text: str, shown: str) -> None:
    named = naming.parse(text)
    assert named.shown == shown
    assert "pw" not in repr(named)


def test_observers_of_the_environment_are_added_without_duplicates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_OBSERVE", "wandb:b\n  wandb:a wandb:b")
    assert [one.shown for one in naming.asked(["wandb:a"])] == ["wandb:a", "wandb:b"]
    monkeypatch.delenv("HPO_OBSERVE")
    assert naming.asked(None) == ()
