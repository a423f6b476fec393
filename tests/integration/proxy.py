"""A network between a worker and its PostgreSQL that goes silent, comes back, or breaks when a test says so."""

import contextlib
import selectors
import socket
import threading
from pathlib import Path

_CHUNK = 65536


class Proxy:
    """Carries what comes to a port of this machine to a server's socket and back, until it is told not to.

    Silent, it takes what is sent and passes nothing on, in either direction, as a firewall does that lost its state:
    nobody gets an error, nobody an answer.
    """

    def __init__(self, server: Path) -> None:
        """`server`: the UNIX socket of the server."""
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._loud = threading.Event()  # while it is set, bytes pass
        self._loud.set()
        self._closed = False
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def silence(self) -> None:
        """Pass nothing on from now; new connections are taken and hear nothing."""
        self._loud.clear()

    def speak(self) -> None:
        """Pass on what was held back, and all that comes."""
        self._loud.set()

    def sever(self) -> None:
        """Break every connection; what was held back is lost."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                _shut(end)

    def close(self) -> None:
        """Break everything and take no more."""
        self._closed = True
        _shut(self._listener)
        self._listener.close()
        self.sever()
        self.speak()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), name="proxied", daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        """One connection, from its first byte to its end."""
        server = socket.socket(socket.AF_UNIX)
        with client, server:
            pair = (client, server)
            with self._lock:
                self._pairs.append(pair)
            self._loud.wait()
            with contextlib.suppress(OSError):  # either end is gone, or `sever` came
                server.connect(str(self._server))
                self._pump(client, server)
            with self._lock, contextlib.suppress(ValueError):
                self._pairs.remove(pair)

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ, server)
            selector.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in selector.select():
                    piece = key.fileobj.recv(_CHUNK)  # type: ignore[union-attr]
                    self._loud.wait()
                    if not piece:
                        return
                    key.data.sendall(piece)


def _shut(end: socket.socket) -> None:
    """Wake whoever waits for it, too, which `close` alone does not."""
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
