"""Liveness, health, readiness and metrics: four paths, the same on every service."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder


@dataclass
class Health:
    """Named facts that must hold before this process is given work; and whether it is on its way out."""

    checks: dict[str, Callable[[], bool]] = field(default_factory=dict)
    draining: bool = False
    on_leaving: list[Callable[[], None]] = field(default_factory=list)
    on_hurry: list[Callable[[], None]] = field(default_factory=list)

    def leave(self) -> None:
        """Say that this process is to leave, to all who have asked to hear of it."""
        self.draining = True
        for told in self.on_leaving:
            told()

    def hurry(self) -> None:
        """Say that it is to leave now, whatever is not done."""
        for told in self.on_hurry:
            told()

    def report(self) -> dict[str, bool]:
        """Return every fact and whether it holds now."""
        return {"not_draining": not self.draining, **{name: check() for name, check in self.checks.items()}}


Send = Callable[[Mapping[str, Any]], Awaitable[None]]


async def answer_operations(path: str, health: Health, send: Send, *, accept: str = "") -> bool:
    """Answer `/livez`, `/healthz`, `/readyz` or `/metrics`; return False when `path` is none of them.

    Liveness depends on nothing but this process: a server that is down must not restart us. Health says the same as
    readiness, to people: a process that works without all of its servers is `degraded`, and answers 200. Metrics come
    as OpenMetrics, which has exemplars, to who says to `accept` it.
    """
    if path == "/livez":
        await _respond(send, 200, b'{"alive": true}')
    elif path == "/healthz":
        report = health.report()
        status = "ok" if all(report.values()) else "degraded"
        await _respond(send, 200, json.dumps({"status": status, "checks": report}).encode())
    elif path == "/readyz":
        report = health.report()
        await _respond(send, 200 if all(report.values()) else 503, json.dumps(report).encode())
    elif path == "/metrics":
        encode, content_type = choose_encoder(accept)
        await _respond(send, 200, encode(REGISTRY), content_type)
    else:
        return False
    return True


async def _respond(send: Send, status: int, body: bytes, content_type: str = "application/json") -> None:
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
