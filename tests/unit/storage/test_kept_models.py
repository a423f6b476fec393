"""Which models of a search are kept, and what of them is found again."""

import errno
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.storage import kept_models
from hpo.storage.slots.slot import Slot, incumbents
from hpo.storage.studies import StudyRecord

RECORD = StudyRecord(
    id=1,
    name="a/b",
    reference="toy",
    definition="toy",
    space="line",
    fingerprint="0",
    fidelity="full",
    rungs="quick,full",
    direction="maximize",
    metric="accuracy",
    seed=1,
    sampler="random",
    pruner="none",
    created_at=1.0,
)


def slot(trial: int, value: float, digest: str | None = None, **changes: Any) -> Slot:
    values = {"outcome": "complete", "rung": 1, "highest": True, **changes}
    return Slot(
        id=trial + 1,
        study="a/b",
        study_id=1,
        position=trial,
        state="settled",
        attempt=1,
        trial_number=trial,
        value=value,
        digest=digest or f"only {trial}",
        **values,
    )


def write(root: Path, trial: int, value: float = 0.5) -> Path:
    file = kept_models.file_of(root, RECORD, trial)
    file.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(file, "w") as archive:
        note = {"trial": trial, "value": value, "folds": 1, "history": [{"number": 1, "loss": 0.1}]}
        archive.writestr(kept_models.NOTE, json.dumps(note))
    return file


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 1), st.booleans()), max_size=20), st.integers(1, 7))
def test_only_models_of_the_best_configurations_are_kept(trained: list[tuple[int, float, bool]], most: int) -> None:
    slots = [
        slot(number, value, f"config {config}", highest=highest, rung=2 if highest else 0)
        for number, (config, value, highest) in enumerate(trained)
    ]
    kept = kept_models.kept_trials(slots, "maximize", most)
    leading = [one.slot.digest for one in incumbents(slots, "maximize")][:most]
    assert {s.digest for s in slots if s.trial_number in kept} == set(leading)
    assert all(s.highest for s in slots if s.trial_number in kept)
    assert all(leading[place] == slots[trial].digest for trial, place in kept.items())


def test_superseded_models_are_removed_and_the_best_found(tmp_path: Path) -> None:
    slots = [slot(0, 0.5), slot(1, 0.7, "twice"), slot(2, 0.9), slot(3, 0.6, "twice")]
    files = [write(tmp_path, trial) for trial in range(4)]
    kept_models.prune(tmp_path, RECORD, lambda: kept_models.kept_trials(slots, "maximize", 1))
    assert [file.exists() for file in files] == [False, True, False, True]  # trained twice counts before once
    found = kept_models.find(tmp_path, RECORD, slots, 1)
    assert found is not None
    assert (found.trial, found.file, found.size) == (1, files[1], files[1].stat().st_size)
    files[1].unlink()
    other = kept_models.find(tmp_path, RECORD, slots, 1)
    assert other is not None
    assert other.trial == 3  # another training of the same configuration


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_files_that_are_no_kept_models_are_ignored(tmp_path: Path, content: bytes | None) -> None:
    file = write(tmp_path, 0)
    if content is None:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(kept_models.NOTE, '{"trial": "none"}')
    else:
        file.write_bytes(content)
    assert kept_models.find(tmp_path, RECORD, [slot(0, 0.5)], 0) is None


def test_a_study_of_the_same_name_made_later_has_a_folder_of_its_own(tmp_path: Path) -> None:
    from dataclasses import replace

    later = replace(RECORD, created_at=100.0)
    assert kept_models.folder(tmp_path, RECORD) != kept_models.folder(tmp_path, later)
    assert kept_models.folder(tmp_path, RECORD).parent == tmp_path


def test_deleting_a_study_removes_its_kept_models_and_nothing_else(tmp_path: Path) -> None:
    size = sum(write(tmp_path, trial).stat().st_size for trial in range(2))
    where = kept_models.folder(tmp_path, RECORD)
    (where / ".trial-3.77.part.keras").touch()  # its process was killed
    theirs = [where / "trial-2.keras", where / "notes.txt"]
    for file in theirs:
        file.write_text("of somebody's own")
    gone = kept_models.remove(tmp_path, RECORD)
    assert (gone.models, gone.size, gone.folder) == (2, size, where)
    assert gone.left == "files of others are in it"
    assert sorted(where.iterdir()) == sorted(theirs)
    for file in theirs:
        file.unlink()
    assert kept_models.remove(tmp_path, RECORD).left is None
    assert not where.exists()


@pytest.mark.parametrize("root", ["nowhere", "file"])
def test_removing_models_where_there_are_none_is_no_error(tmp_path: Path, root: str) -> None:
    (tmp_path / "file").touch()
    gone = kept_models.remove(tmp_path / root, RECORD)
    assert (gone.models, gone.left) == (0, None)


def test_a_model_that_cannot_be_removed_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, 0)

    def refuse(path: Path, **_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "unlink", refuse)  # the tests may be run by root, who may remove all
    assert kept_models.remove(tmp_path, RECORD).left == "Permission denied"
    assert file.exists()
