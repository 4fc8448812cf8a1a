"""A way in to a server that counts the bytes that pass through it, and the requests."""

import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_PIECE_BYTES = 65536
_REQUEST = re.compile(rb"\b(GET|HEAD|PUT|POST|DELETE) \S+ HTTP/1\.1\r\n")


@dataclass
class CountingDoor:
    """Where to connect, and what came through so far."""

    port: int
    sent_bytes: int = 0
    received_bytes: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def count_sent(self, piece: bytes) -> None:
        """Count what a client sent; a head lies in one piece, as clients send it."""
        with self.lock:
            self.sent_bytes += len(piece)
            self.requests.update(method.decode() for method in _REQUEST.findall(piece))

    def count_received(self, piece: bytes) -> None:
        with self.lock:
            self.received_bytes += len(piece)


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
        threading.Thread(target=_pass_on, args=(client, server, door.count_sent), daemon=True).start()
        threading.Thread(target=_pass_on, args=(server, client, door.count_received), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket, count: Callable[[bytes], None]) -> None:
    with source, target:
        try:
            while piece := source.recv(_PIECE_BYTES):
                count(piece)
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            # The other direction has ended both.
            return
