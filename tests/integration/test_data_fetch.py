"""Fetching Fashion-MNIST for real: over HTTP from a server here, and from Debian's archive."""

import functools
import http.server
import multiprocessing
import os
import pwd
import resource
import shutil
import signal
import ssl
import subprocess
import threading
from pathlib import Path

import pooch  # noqa: F401 - for the children that become another user, see FORK
import pytest
import requests  # noqa: F401

from hpo.data import downloads, places
from hpo.data.downloads import find_or_fetch
from hpo.data.places import FASHION_MNIST_FILES
from hpo.errors import DataError

FORK = multiprocessing.get_context("fork")  # a child that becomes another user still has what is imported here
NAMES = {file.name for file in FASHION_MNIST_FILES}
BYTES = sum(file.size for file in FASHION_MNIST_FILES)


class Server(http.server.ThreadingHTTPServer):
    """Serves the real files, and can be told to misbehave."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []  # names, in the order they were asked for
        self.spoil = ""  # this file comes with its last byte wrong
        self.cut = ""  # this file comes half
        self.lengthen = ""  # this file comes with a byte too many
        self.encodings: set[str | None] = set()  # in which clients said they take files
        self.stall = ""  # this file begins and never goes on, until `released`
        self.stalled, self.released = threading.Event(), threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path.strip("/")
        self.server.asked.append(name)
        content = bytearray((self.server.folder / name).read_bytes())
        self.server.encodings.add(self.headers["Accept-Encoding"])
        if name == self.server.spoil:
            content[-1] ^= 1
        if name == self.server.lengthen:
            content.append(0)
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if name == self.server.stall:
            self.wfile.write(content[:1000])
            self.wfile.flush()
            self.server.stalled.set()
            self.server.released.wait(60)
        elif name == self.server.cut:
            self.wfile.write(content[: len(content) // 2])
        else:
            self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Keep the tests' output to the tests."""


@pytest.fixture
def server(fashion_files):
    with Server(fashion_files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.released.set()
        server.shutdown()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A machine without the data, and the folder it is fetched into."""
    monkeypatch.delenv("HPO_DATA_DIR", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(places, "DEBIAN_FOLDER", tmp_path / "debian")
    return tmp_path / "cache" / "hpo" / "fashion-mnist"


def over_http(server):
    return (("the server here", functools.partial(downloads.from_keras, origin=server.origin)),)


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


def test_a_download_fetches_every_file_and_shows_progress(server, cache, capfd):
    seen = []
    search = find_or_fetch(seen.append, sources=over_http(server))
    assert search.found.folder == cache
    assert files_in(cache) == NAMES
    for name in NAMES:
        done = [progress.done for progress in seen if progress.what == name]
        assert done == sorted(done)
        assert done[-1] == next(progress.total for progress in seen if progress.what == name)
    find_or_fetch(seen.append, sources=over_http(server))
    assert len(server.asked) == 4  # what is there is not fetched again
    assert server.encodings == {"identity"}  # a file packed once more on its way would arrive unpacked
    assert capfd.readouterr() == ("", "")  # how far it is is told by progress alone


@pytest.mark.parametrize("misdeed", ["spoil", "cut", "lengthen"])
def test_a_damaged_download_is_discarded_and_the_next_source_tried(server, cache, misdeed):
    setattr(server, misdeed, "t10k-images-idx3-ubyte.gz")
    good = functools.partial(downloads.from_keras, origin=server.origin)

    def mended(*args):
        assert files_in(cache) & NAMES == set()
        setattr(server, misdeed, "")
        good(*args)

    assert find_or_fetch(sources=(*over_http(server), ("another", mended))).found
    assert files_in(cache) == NAMES


@pytest.mark.parametrize(
    ("misdeed", "told"),
    [
        ("spoil", "t10k-images-idx3-ubyte.gz from there is damaged: its sha256 is not cc1d090a38ac…"),
        ("cut", r"IncompleteRead\(2211039 bytes read, 2211040 more expected\)"),
        ("lengthen", "t10k-images-idx3-ubyte.gz from there is longer than 4,422,079 bytes"),
    ],
)
def test_a_damaged_download_is_reported_with_its_fault(server, cache, misdeed, told):
    setattr(server, misdeed, "t10k-images-idx3-ubyte.gz")
    with pytest.raises(DataError, match=rf"the server here \({told}\)"):
        find_or_fetch(sources=over_http(server))


def test_when_every_source_fails_one_line_names_all_and_the_remedy(server, cache, tmp_path):
    server.spoil = "t10k-labels-idx1-ubyte.gz"
    gone = functools.partial(downloads.from_keras, origin="http://127.0.0.1:1")
    with pytest.raises(DataError) as refused:
        find_or_fetch(sources=(*over_http(server), ("a closed port", gone)))
    line = str(refused.value)
    assert "\n" not in line
    assert str(tmp_path / "keras" / "datasets" / "fashion-mnist") in line
    assert str(cache) in line
    assert "the server here (t10k-labels-idx1-ubyte.gz from there is damaged" in line
    assert "a closed port (" in line
    assert "refused" in line
    assert "set HPO_DATA_DIR" in line
    assert files_in(cache) == set()


def test_a_stalled_download_times_out(server, cache, monkeypatch):
    server.stall = "train-labels-idx1-ubyte.gz"
    monkeypatch.setattr(downloads, "STALL_SECONDS", 0.2)
    with pytest.raises(DataError, match=r"could not be fetched from the server here \(timed out\)"):
        find_or_fetch(sources=over_http(server))
    assert files_in(cache) == set()


def test_an_unanswered_download_times_out(server, cache, monkeypatch):
    server.stall = "t10k-labels-idx1-ubyte.gz"  # the smallest, so the first
    monkeypatch.setattr(downloads, "ANSWER_SECONDS", 0.2)
    with pytest.raises(DataError, match=r"could not be fetched from the server here \(no answer within 0 s\)"):
        find_or_fetch(sources=over_http(server))
    assert server.asked == ["t10k-labels-idx1-ubyte.gz"]
    assert files_in(cache) == set()


@pytest.mark.skipif(not shutil.which("openssl"), reason="nothing makes a certificate here")
def test_certificates_of_the_system_store_are_trusted(server, cache, tmp_path, monkeypatch):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-addext"]
    made = [*command, "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run(made, check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    sources = (("here", functools.partial(downloads.from_keras, origin=server.origin.replace("http", "https"))),)
    with pytest.raises(DataError, match=r"here \(\[SSL: CERTIFICATE_VERIFY_FAILED\]"):
        find_or_fetch(sources=sources)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert find_or_fetch(sources=sources).found


def test_only_what_is_missing_is_fetched(server, cache, fashion_files):
    cache.mkdir(parents=True)
    shutil.copy(fashion_files / "train-images-idx3-ubyte.gz", cache)
    assert find_or_fetch(sources=over_http(server)).found
    assert "train-images-idx3-ubyte.gz" not in server.asked
    assert len(server.asked) == 3


def in_child(work):
    """Run `work` in a forked process; its outcome as a line."""
    reader, writer = FORK.Pipe(duplex=False)

    def run():
        try:
            writer.send(f"ok {work()}")
        except DataError as error:
            writer.send(f"refused {error}")

    child = FORK.Process(target=run)
    child.start()
    return child, reader


def test_concurrent_processes_fetch_the_data_once(server, cache):
    children = [in_child(lambda: find_or_fetch(sources=over_http(server)).found.folder) for _ in range(4)]
    assert [reader.recv() for _, reader in children] == [f"ok {cache}"] * 4
    for child, _ in children:
        child.join()
    assert sorted(server.asked) == sorted(NAMES)


def test_a_killed_fetch_does_not_block_the_next(server, cache):
    server.stall = "train-images-idx3-ubyte.gz"
    child, _ = in_child(lambda: find_or_fetch(sources=over_http(server)))
    assert server.stalled.wait(60)
    assert not files_in(cache) & NAMES
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert files_in(cache)  # what it was working in
    server.stall = ""
    assert find_or_fetch(sources=over_http(server)).found
    assert files_in(cache) == NAMES


def test_an_unwritable_cache_is_reported_with_a_remedy(server, cache):
    cache.parent.parent.write_text("a file where a folder should be")
    with pytest.raises(DataError, match="XDG_CACHE_HOME") as refused:
        find_or_fetch(sources=over_http(server))
    assert str(cache) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_full_disk_is_reported_in_one_line_and_leaves_no_partial_file(server, cache):
    def fetch():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))  # writing fails past it, as on a full disk
        return find_or_fetch(sources=over_http(server))

    child, reader = in_child(fetch)
    line = reader.recv()
    child.join()
    assert line.startswith("refused ")
    assert "File too large" in line
    assert "\n" not in line
    assert files_in(cache) == set()


@pytest.mark.thorough
@pytest.mark.skipif(not shutil.which("apt-get"), reason="no Debian")
def test_debians_archive_is_fetched_without_root(cache, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    cache.parent.mkdir(parents=True)
    if os.getuid() == 0:
        nobody = pwd.getpwnam("nobody")
        for folder in (home, cache.parent):
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        for folder in (cache.parent, *cache.parent.parents):  # pytest's own folders are closed to others
            if folder.stat().st_uid == 0 and folder != Path("/"):
                folder.chmod(folder.stat().st_mode | 0o011)

    def fetch():
        if os.getuid() == 0:
            os.setgroups([])
            os.setgid(nobody.pw_gid)
            os.setuid(nobody.pw_uid)
        os.environ["HOME"] = str(home)
        return find_or_fetch(sources=(("Debian's archive", downloads.from_debian),)).found.folder

    child, reader = in_child(fetch)
    line = reader.recv()
    child.join()
    if "resolve" in line or "connect" in line:
        pytest.skip(f"no network: {line}")
    assert line == f"ok {cache}"
    assert files_in(cache) == NAMES


def test_a_machine_without_apt_get_is_reported(cache, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match=r"Debian's archive \(apt-get is not here\)"):
        find_or_fetch(sources=(("Debian's archive", downloads.from_debian),))


def test_an_unreachable_archive_is_reported_in_apts_own_words(cache, monkeypatch, tmp_path):
    config = tmp_path / "apt.conf"
    (tmp_path / "sources.list").write_text("deb http://127.0.0.1:1/debian stable main\n")
    config.write_text(f'Dir::Etc::SourceList "{tmp_path}/sources.list"; Dir::Etc::SourceParts "/dev/null";')
    monkeypatch.setenv("APT_CONFIG", str(config))
    if not shutil.which("apt-get"):
        pytest.skip("no Debian")
    with pytest.raises(DataError, match=r"Failed to fetch http://127.0.0.1:1/.*Could not connect") as refused:
        find_or_fetch(sources=(("Debian's archive", downloads.from_debian),))
    assert "\n" not in str(refused.value)
    assert files_in(cache) == set()
