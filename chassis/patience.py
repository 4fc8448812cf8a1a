"""How long a sender may take: for the head of a request here, for its body in `bodies`."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_BYTES_MAX = 32_768


def impatient_protocol(head_within_s: float) -> type[H11Protocol]:
    """Return uvicorn's HTTP, closing connections on which the head of a request does not come in time."""
    return type("ImpatientProtocol", (_ImpatientProtocol,), {"head_within_s": head_within_s})


class _ImpatientProtocol(H11Protocol):
    head_within_s: float
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_awaited():
            self._wait()
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _is_awaited(self) -> bool:
        # After an upgrade the connection is the WebSocket's.
        if self.transport.get_protocol() is not self:
            return False
        return self.cycle is None or self.cycle.response_complete

    def _wait(self) -> None:
        # From the first byte on: who sends another byte just in time gains nothing.
        if self._timer is None:
            self._timer = self.loop.call_later(self.head_within_s, self._give_up)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if self._is_awaited() and not self.transport.is_closing():
            self.transport.close()
