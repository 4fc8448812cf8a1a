import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from deploy.local.ports import free_ports

from .proxy import Mode, Proxy

PATIENCE_S = 20.0
BRIEFLY_S = 0.5


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that says what it is told, in capitals."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_serve, args=(listening,), daemon=True).start()
        yield listening.getsockname()[1]
        # Closing alone would leave the thread waiting.
        listening.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as running:
        yield running


def test_a_healthy_link_passes_both_ways_to_the_end(proxy: Proxy, echo: int) -> None:
    link = proxy.link(next(free_ports()), echo)

    with _connected(link.port) as connection:
        assert _said(connection, b"hello") == b"HELLO"
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(10) == b""


def test_the_next_upstream_takes_what_the_first_refuses(proxy: Proxy, echo: int) -> None:
    link = proxy.link(next(free_ports()), next(free_ports()), echo)

    for _ in range(3):
        with _connected(link.port) as connection:
            assert _said(connection, b"hello") == b"HELLO"


def test_a_refusing_link_ends_what_is_open_and_takes_nothing_new(proxy: Proxy, echo: int) -> None:
    link = proxy.link(next(free_ports()), echo)
    with _connected(link.port) as connection:
        assert _said(connection, b"hello") == b"HELLO"
        proxy.change(link, Mode.REFUSE)

        with pytest.raises(ConnectionResetError):
            connection.recv(10)
        with pytest.raises(ConnectionRefusedError):
            _connected(link.port)

    proxy.change(link, Mode.PASS)
    with _connected(link.port) as connection:
        assert _said(connection, b"again") == b"AGAIN"


@pytest.mark.parametrize("mode", [Mode.RESET, Mode.LOST])
def test_a_cutting_link_resets_instead_of_answering(proxy: Proxy, echo: int, mode: Mode) -> None:
    link = proxy.link(next(free_ports()), echo)
    proxy.change(link, mode)

    with _connected(link.port) as connection, pytest.raises(ConnectionResetError):
        _said(connection, b"hello")


def test_a_truncating_link_answers_in_part(proxy: Proxy, echo: int) -> None:
    link = proxy.link(next(free_ports()), echo)
    proxy.change(link, Mode.TRUNCATED)

    with _connected(link.port) as connection:
        assert _said(connection, b"hello you") == b"HELL"
        with pytest.raises(ConnectionResetError):
            connection.recv(10)


def test_what_a_black_hole_held_back_arrives_when_it_is_healed(proxy: Proxy, echo: int) -> None:
    link = proxy.link(next(free_ports()), echo)
    with _connected(link.port) as connection:
        assert _said(connection, b"hello") == b"HELLO"
        proxy.change(link, Mode.BLACKHOLE)
        connection.sendall(b"later")
        assert _silent(connection)

        proxy.change(link, Mode.PASS)

        assert connection.recv(10) == b"LATER"


def test_a_half_open_connection_is_silent_until_it_is_healed_and_then_gone(proxy: Proxy, echo: int) -> None:
    link = proxy.link(next(free_ports()), echo)
    with _connected(link.port) as connection:
        assert _said(connection, b"hello") == b"HELLO"
        proxy.change(link, Mode.HALF_OPEN)
        connection.sendall(b"nobody hears")
        assert _silent(connection)

        proxy.change(link, Mode.PASS)

        with pytest.raises(ConnectionResetError):
            connection.recv(10)


def _serve(listening: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        while said := connection.recv(100):
            connection.sendall(said.upper())


def _connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)


def _said(connection: socket.socket, said: bytes) -> bytes:
    connection.sendall(said)
    return connection.recv(100)


def _silent(connection: socket.socket) -> bool:
    connection.settimeout(BRIEFLY_S)
    try:
        connection.recv(10)
    except TimeoutError:
        return True
    finally:
        connection.settimeout(PATIENCE_S)
    return False
