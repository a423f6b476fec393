"""Servers on this machine that answer as servers in trouble do, and an address nobody listens at."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

__all__ = ["away", "full", "slow"]

_FULL = b"HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@contextlib.contextmanager
def away() -> Iterator[str]:
    """The URL of a port that refuses: it is taken, and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextlib.contextmanager
def slow(piece: bytes, every: float) -> Iterator[str]:
    """The URL of a server that takes whatever comes, and answers in such pieces, so many seconds apart, without end.

    An empty piece: it never answers.
    """
    over = threading.Event()

    def answer(client: socket.socket) -> None:
        if piece:
            client.sendall(b"HTTP/1.1 200 OK\r\n")
        while not over.wait(every) and piece:
            client.sendall(piece)
        over.wait()

    with _serving(answer) as url:
        try:
            yield url
        finally:
            over.set()


@contextlib.contextmanager
def full() -> Iterator[str]:
    """The URL of a server that has no room for anything."""

    def answer(client: socket.socket) -> None:
        asked = b""
        while b"\r\n\r\n" not in asked:
            asked += client.recv(65536) or b"\r\n\r\n"
        client.sendall(_FULL)
        client.shutdown(socket.SHUT_WR)
        while client.recv(65536):  # to close with something unread would take the answer away
            pass

    with _serving(answer) as url:
        yield url


@contextlib.contextmanager
def _serving(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server whose every connection is answered so, in a thread of its own."""
    listening = socket.create_server(("127.0.0.1", 0))
    open_: list[tuple[socket.socket, threading.Thread]] = []

    def talk(client: socket.socket) -> None:
        with contextlib.suppress(OSError):  # whoever asked is gone
            answer(client)
        client.close()

    def accept() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:  # it is over
                return
            thread = threading.Thread(target=talk, args=(client,), daemon=True)
            open_.append((client, thread))
            thread.start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        accepting.join()
        for client, thread in open_:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            thread.join()
