"""How often, and after what time, a request is sent again."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx

from .errors import UnreachableError
from .operations import Operation

BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0


@dataclass(frozen=True)
class Patience:
    """`busy_s`: waited in all for a gateway that says `Retry-After`; `ready_s`: for a result; breaks in a row."""

    busy_s: float = 300.0
    ready_s: float = 0.0
    breaks: int = 5


@dataclass
class Attempts:
    """Decides after each answer to one operation whether to go on."""

    operation: Operation[Any]
    patience: Patience
    _busy_s: float = field(default=0.0, init=False)
    _ready_s: float = field(default=0.0, init=False)
    _breaks: int = field(default=0, init=False)

    def pause_s(self, response: httpx.Response) -> float | None:
        """Return how long to wait before the next attempt; None: the answer is to be taken as it is."""
        pause_s = _retry_after_s(response)
        if pause_s is None:
            return None
        if response.status_code == HTTPStatus.ACCEPTED and self.operation.is_result:
            self._ready_s += pause_s
            return pause_s if self._ready_s <= self.patience.ready_s else None
        if response.status_code not in (HTTPStatus.CONFLICT, *BUSY):
            return None
        self._busy_s += pause_s
        return pause_s if self._busy_s <= self.patience.busy_s else None

    def pause_after_break_s(self, error: httpx.TransportError) -> float:
        """Return how long to wait after a broken connection; raises `UnreachableError` when it is enough."""
        self._breaks += 1
        if isinstance(error, (httpx.LocalProtocolError, httpx.UnsupportedProtocol)):
            raise unreachable(error) from error
        is_safe = self.operation.is_repeatable or isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
        if not is_safe or self._breaks >= self.patience.breaks:
            raise unreachable(error) from error
        return growing_pause_s(self._breaks)


def growing_pause_s(breaks: int) -> float:
    """Return the pause after so many broken connections in a row."""
    return float(min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** (breaks - 1)))


def unreachable(error: httpx.TransportError) -> UnreachableError:
    """Return the error that says where nobody answered; presigned addresses keep their signature to themselves."""
    return UnreachableError(str(error.request.url.copy_with(query=None)), str(error) or type(error).__name__)


def _retry_after_s(response: httpx.Response) -> float | None:
    told = response.headers.get("retry-after", "")
    if told.isdigit():
        return float(max(1, int(told)))
    return 1.0 if response.status_code in BUSY else None
