"""A file is written whole or not at all, and a file that cannot be written is refused first."""

import os
import socket
import stat
from pathlib import Path

import pytest

from hpo.errors import UsageError
from hpo.files import expanded, is_device, read, refuse_unwritable, replacing


@pytest.mark.parametrize("before", [None, "old"])
def test_a_file_is_there_whole_when_the_block_ends(tmp_path: Path, before: str | None) -> None:
    output = tmp_path / "model.keras"
    if before:
        output.write_text(before)
    with replacing(output) as path:
        path.write_text("new")
        assert (path.parent, path.suffix) == (tmp_path, ".keras")
        assert (output.read_text() if before else not output.exists()) == (before or True)
    assert output.read_text() == "new"
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize("written", [True, False])
def test_a_failed_write_changes_nothing_and_leaves_no_file(tmp_path: Path, written: bool) -> None:
    output = tmp_path / "page.html"
    output.write_text("old")

    def fail() -> None:
        with replacing(output) as path:
            if written:
                path.write_text("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert output.read_text() == "old"
    assert list(tmp_path.iterdir()) == [output]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    folder, link = tmp_path / "there", tmp_path / "here.csv"
    folder.mkdir()
    link.symlink_to(folder / "real.csv")
    with replacing(link) as path:
        path.write_text("new")
    assert link.is_symlink()
    assert (folder / "real.csv").read_text() == "new"
    assert [*folder.iterdir()] == [folder / "real.csv"]


def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    null = Path(os.devnull)
    assert is_device(null)
    assert not is_device(tmp_path / "none")
    refuse_unwritable(null)
    with replacing(null) as path:
        assert path == null
    assert stat.S_ISCHR(null.stat().st_mode)


def test_a_replacement_that_was_never_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "trials.csv"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_path_is_refused_and_a_writable_one_untouched(tmp_path: Path) -> None:
    refuse_unwritable(tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UsageError, match=r"there is no folder .*none to write page\.html in; create it first"):
        refuse_unwritable(tmp_path / "none" / "page.html")
    with pytest.raises(UsageError, match=r"cannot write in /proc: .*; give another -o"):
        refuse_unwritable(Path("/proc/page.html"))


def test_a_socket_is_no_ordinary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path has a limit of a hundred characters
    with socket.socket(socket.AF_UNIX) as door:
        door.bind("door")
        assert is_device(tmp_path / "door")


@pytest.mark.parametrize("what", ["pipe", "socket", "folder", "/dev/zero"])
def test_pipes_sockets_and_folders_are_not_read_as_files(tmp_path: Path, what: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
    with pytest.raises(OSError, match=r"not a file|No such device"):
        read(tmp_path / what, most=9)


def test_a_file_that_is_too_large_is_not_read_whole(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 10)
    assert read(tmp_path / "file", most=10) == b"x" * 10
    with pytest.raises(OSError, match="larger than"):
        read(tmp_path / "file", most=9)


@pytest.mark.parametrize("what", ["pipe", "folder"])
def test_pipes_and_folders_are_refused_for_writing(tmp_path: Path, what: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match=rf"{what} is a {what}.*; give another -o"):
        refuse_unwritable(tmp_path / what)


def test_an_unknown_home_folder_is_refused() -> None:
    assert expanded("~/x") == Path.home() / "x"
    with pytest.raises(UsageError, match="'~nosuchuser/x': there is no home folder '~nosuchuser' here"):
        expanded("~nosuchuser/x")
