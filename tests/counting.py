"""A way in to a server that counts the bytes clients send through it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_PIECE_BYTES = 65536


@dataclass
class CountingDoor:
    """Where to connect, and what came through so far."""

    port: int
    sent_bytes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def count(self, size_bytes: int) -> None:
        with self.lock:
            self.sent_bytes += size_bytes


@contextmanager
def counting_door(port: int) -> Iterator[CountingDoor]:
    """Pass connections on to a port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        door = CountingDoor(listening.getsockname()[1])
        accepting = threading.Thread(target=_accept, args=(listening, port, door), daemon=True)
        accepting.start()
        yield door
        # A thread that waits in accept() is not woken by close() alone.
        listening.shutdown(socket.SHUT_RDWR)
        accepting.join()


def _accept(listening: socket.socket, port: int, door: CountingDoor) -> None:
    while True:
        try:
            client, _ = listening.accept()
        except OSError:
            return
        server = socket.create_connection(("127.0.0.1", port))
        threading.Thread(target=_pass_on, args=(client, server, door), daemon=True).start()
        threading.Thread(target=_pass_on, args=(server, client, None), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket, door: CountingDoor | None) -> None:
    with source, target:
        try:
            while piece := source.recv(_PIECE_BYTES):
                if door is not None:
                    door.count(len(piece))
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            # The other direction has ended both.
            return
