"""What surrounds a request that is counted: the headers that say so, and the slot that it gives back at its end."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from .limits import RateClass, RateLimits, Slots

_METER = "dawnchorus.meter"


@dataclass
class _Meter:
    headers: dict[str, str] = field(default_factory=dict)
    held: ExitStack = field(default_factory=ExitStack)


def metered(app: ASGIApp) -> ASGIApp:
    """Let `count` say on the answer where the caller stands, and hold their slot until the answer has ended."""

    async def meter(scope: Scope, receive: Receive, send: Send) -> None:
        metering = _Meter()
        _open(scope)[_METER] = metering

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(name.lower().encode(), value.encode()) for name, value in metering.headers.items()]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        with metering.held:
            await app(scope, receive, send_with_headers)

    return meter


async def count(scope: Scope, limits: RateLimits, slots: Slots, caller_id: str, rate: RateClass) -> None:
    """Count a request of `metered`, and take its slot. Raises a problem of status 429 where a limit is reached."""
    metering: _Meter = _open(scope)[_METER]
    standing = await limits.spend(caller_id, rate)
    metering.headers = standing.headers() if standing is not None else {}
    metering.held.enter_context(slots.taken(caller_id, rate))


def _open(scope: Scope) -> Any:  # noqa: ANN401 (ASGI lets applications add what they like)
    return scope
