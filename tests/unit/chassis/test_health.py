import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

import pytest

from chassis.health import Health, answer_operations
from chassis.metrics import MESSAGES_HANDLED
from chassis.patience import HEAD_BYTES_MAX
from chassis.serve import Service


class Answer:
    """What an ASGI application sent."""

    def __init__(self) -> None:
        self.messages: list[Mapping[str, Any]] = []

    async def send(self, message: Mapping[str, Any]) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.messages[1:])


@pytest.mark.parametrize("health", [Health(), Health({"broker": lambda: False}), Health(draining=True)])
async def test_a_process_that_answers_is_alive_whatever_its_servers_do(health: Health) -> None:
    assert (await _asked("/livez", health)).status == 200


async def test_a_process_whose_facts_hold_is_ready() -> None:
    answer = await _asked("/readyz", Health({"broker": lambda: True}))

    assert answer.status == 200
    assert json.loads(answer.body) == {"not_draining": True, "broker": True}


@pytest.mark.parametrize(
    ("health", "reason"),
    [(Health({"broker": lambda: False, "database": lambda: True}), "broker"), (Health(draining=True), "not_draining")],
)
async def test_a_process_that_is_not_ready_says_why(health: Health, reason: str) -> None:
    answer = await _asked("/readyz", health)

    assert answer.status == 503
    assert [name for name, holds in json.loads(answer.body).items() if not holds] == [reason]


async def test_readiness_is_asked_anew_every_time() -> None:
    connected = [False]
    health = Health({"broker": lambda: connected[0]})

    before = (await _asked("/readyz", health)).status
    connected[0] = True

    assert (before, (await _asked("/readyz", health)).status) == (503, 200)


@pytest.mark.parametrize(
    ("health", "status"), [(Health({"broker": lambda: True}), "ok"), (Health(draining=True), "degraded")]
)
async def test_health_is_told_and_never_an_error(health: Health, status: str) -> None:
    answer = await _asked("/healthz", health)

    assert answer.status == 200
    assert json.loads(answer.body) == {"status": status, "checks": health.report()}


async def test_metrics_are_served_for_prometheus() -> None:
    MESSAGES_HANDLED.labels("test", "handled").inc()

    answer = await _asked("/metrics", Health())

    assert answer.status == 200
    assert b'dawnchorus_messages_handled_total{consumer="test",outcome="handled"} 1.0' in answer.body


async def test_who_accepts_openmetrics_gets_it_with_its_end() -> None:
    service, answer = Service("worker", Health(), _nothing), Answer()
    accept = b"application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"

    await service(_scope("/metrics", headers=[(b"accept", accept)]), None, answer.send)

    assert dict(answer.messages[0]["headers"])[b"content-type"].startswith(b"application/openmetrics-text")
    assert answer.body.endswith(b"# EOF\n")
    assert b"_created" not in answer.body


async def test_other_paths_are_left_to_the_application() -> None:
    answer = Answer()

    assert not await answer_operations("/v1/recordings", Health(), answer.send)
    assert answer.messages == []


async def test_a_service_without_routes_answers_404_beside_its_operations() -> None:
    service = Service("worker", Health(), _nothing)
    found, missing = Answer(), Answer()

    await service(_scope("/livez"), None, found.send)
    await service(_scope("/anything"), None, missing.send)

    assert (found.status, missing.status) == (200, 404)


async def test_a_head_that_came_in_one_piece_has_a_limit_too() -> None:
    service = Service("worker", Health(), _nothing)
    read, refused = Answer(), Answer()

    await service(_scope("/livez", headers=[(b"x", b"y" * (HEAD_BYTES_MAX - 100))]), None, read.send)
    await service(_scope("/livez", headers=[(b"x", b"y" * HEAD_BYTES_MAX)]), None, refused.send)

    assert (read.status, refused.status) == (200, 431)


def _scope(path: str, **facts: Any) -> dict[str, Any]:
    return {"type": "http", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": [], **facts}


def _nothing() -> AbstractAsyncContextManager[None]:
    return nullcontext()


async def _asked(path: str, health: Health) -> Answer:
    answer = Answer()
    assert await answer_operations(path, health, answer.send)
    return answer
