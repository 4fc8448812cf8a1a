"""TCP ports on loopback: which are free, and which are taken by others."""

import random
import socket
from collections.abc import Iterator

from .errors import NoFreePortError

LOOPBACK = "127.0.0.1"

# Below the kernel's ephemeral range (ip(7)): a server that is stopped for a while finds its port again,
# and no client that retries it can be connected to itself.
FIRST_FREE = 20_000
LAST_FREE = 32_000


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_ports() -> Iterator[int]:
    """Yield ports that nobody listens on, each once."""
    for port in random.sample(range(FIRST_FREE, LAST_FREE), LAST_FREE - FIRST_FREE):
        if is_free(port):
            yield port
    raise NoFreePortError(FIRST_FREE, LAST_FREE)


def answers(port: int, request: bytes, expected_start: bytes, *, timeout_s: float) -> bool:
    """Return whether the server on this port answers `request` as its protocol says."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout_s) as connection:
            connection.sendall(request)
            return connection.recv(len(expected_start)) == expected_start
    except OSError:
        return False
