"""Live events: lines of a stream become events, and a broken stream goes on where it was."""

import json
from dataclasses import dataclass, field
from typing import Any

import httpx

from .errors import RefusedError
from .operations import Operation, as_nothing, path_of
from .patience import BUSY, Patience, growing_pause_s, unreachable


@dataclass(frozen=True)
class LiveEvent:
    """One event; `id` is its place in the stream, None for what is not repeated."""

    type: str
    data: dict[str, Any]
    id: str | None = None


@dataclass
class Listening:
    """Where a listener is: what it asks for next, and the event of which some lines were read."""

    filters: dict[str, Any]
    patience: Patience
    last_id: str | None = None
    _lines: dict[str, str] = field(default_factory=dict, init=False)
    _breaks: int = field(default=0, init=False)

    def operation(self) -> Operation[None]:
        """Return what to ask for: everything after the last event."""
        self._lines = {}
        headers = {"Last-Event-ID": self.last_id} if self.last_id is not None else {}
        return Operation("GET", path_of("events"), as_nothing, self.filters, headers=headers)

    def read(self, line: str) -> LiveEvent | None:
        """Return the event that ends with this line, if one does."""
        self._breaks = 0
        if line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            self._lines[name] = f"{self._lines[name]}\n{value}" if name == "data" and name in self._lines else value
            return None
        told, self._lines = self._lines, {}
        if "data" not in told:
            return None
        self.last_id = told.get("id", self.last_id)
        return LiveEvent(told.get("event", "message"), json.loads(told["data"]), told.get("id"))

    def pause_after_break_s(self, error: httpx.TransportError | RefusedError) -> float:
        """Return how long to wait; raises what it was when nothing was heard too often, or no waiting helps."""
        self._breaks += 1
        is_over = self._breaks >= self.patience.breaks
        if isinstance(error, RefusedError) and (is_over or error.status not in BUSY):
            raise error
        if isinstance(error, httpx.TransportError) and is_over:
            raise unreachable(error) from error
        return growing_pause_s(self._breaks)
