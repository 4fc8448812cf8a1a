"""The one connection a confined child may have: to the object store, made by its parent and handed over."""

import socket
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

_AT_ONCE = 8
_WORD_BYTES = 512
_MADE = b"made"

_switchboard: socket.socket | None = None


class Switchboard:
    """Connects to one address for children that cannot, whoever of them asks; they never say an address."""

    def __init__(self, address: tuple[str, int], timeout_s: float) -> None:
        """Answer from now on; `for_children` is what children inherit."""
        self._address = address
        self._timeout_s = timeout_s
        self._ours, self.for_children = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._callers = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="switchboard")
        self._thread = Thread(target=self._answer, name="switchboard", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer no more."""
        self._ours.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._callers.shutdown(cancel_futures=True)
        self._ours.close()
        self.for_children.close()

    def _answer(self) -> None:
        while True:
            word, [*descriptors], _, _ = socket.recv_fds(self._ours, 1, 1)
            if not word:
                return
            for descriptor in descriptors:
                self._callers.submit(self._connect, socket.socket(fileno=descriptor))

    def _connect(self, caller: socket.socket) -> None:
        with caller:
            try:
                with socket.create_connection(self._address, self._timeout_s) as made:
                    socket.send_fds(caller, [_MADE], [made.fileno()])
            except OSError as error:
                caller.sendall(repr(error).encode()[:_WORD_BYTES])


def use_switchboard(for_children: socket.socket | None) -> None:
    """Have this process's connections made by its parent from now on."""
    global _switchboard
    _switchboard = for_children


def dial(address: tuple[str, int], timeout_s: float, _source: object = None) -> socket.socket:
    """Connect to `address`, as `socket.create_connection` does, or to what the parent connects its children to."""
    if _switchboard is None:
        return socket.create_connection(address, timeout_s)
    ours, theirs = socket.socketpair()
    with ours:
        ours.settimeout(timeout_s)
        with theirs:
            socket.send_fds(_switchboard, [b"?"], [theirs.fileno()])
        word, descriptors, _, _ = socket.recv_fds(ours, _WORD_BYTES, 1)
    if word != _MADE:
        raise ConnectionError(word.decode(errors="replace"))
    connected = socket.socket(fileno=descriptors[0])
    connected.settimeout(timeout_s)
    return connected
