"""The subscriber in the README hears events, as it stands there."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from faststream.rabbit import RabbitBroker

from chassis.broker import Publisher, create_broker, declare_topology
from chassis.settings import ServiceSettings
from contracts.envelope import envelop, event_id, to_message
from contracts.events import SpectrogramCompleted
from contracts.published import EXAMPLES
from contracts.topology import EVENTS_EXCHANGE
from deploy.local.servers import Servers
from deploy.local.waiting import wait_until
from tests.pages import README, marked_block

pytestmark = pytest.mark.servers

QUEUE = "my-system"
DEADLINE_S = 30.0


@pytest.fixture
async def broker(servers: Servers) -> AsyncIterator[RabbitBroker]:
    """A broker that has our exchanges."""
    broker = create_broker(ServiceSettings.model_validate(servers.environment()))
    await broker.connect()
    await declare_topology(broker)
    yield broker
    await broker.stop()


@pytest.fixture
def printed(broker: RabbitBroker, servers: Servers, tmp_path: Path) -> Iterator[Path]:
    """What the README's subscriber has printed so far; it listens as long as the test runs."""
    script, output = tmp_path / "subscriber.py", tmp_path / "output"
    script.write_text(marked_block(README, "subscriber"))
    queue = f"{servers.rabbitmq.management_url}/api/queues/%2F/{QUEUE}"
    with output.open("w") as sink:
        process = subprocess.Popen(
            [sys.executable, str(script)], env=os.environ | servers.environment(), stdout=sink, stderr=sink
        )
    try:
        assert wait_until(lambda: _has_a_consumer(queue), timeout_s=DEADLINE_S), output.read_text()
        yield output
    finally:
        process.terminate()
        process.wait(DEADLINE_S)
        httpx.delete(queue)


async def test_the_subscriber_in_the_readme_prints_an_event(broker: RabbitBroker, printed: Path) -> None:
    example = (EXAMPLES / "spectrogram.completed.v1" / "0001.json").read_bytes()
    event = SpectrogramCompleted.model_validate_json(example)

    await _publish(broker, event)

    assert _prints(printed, f"spectrogram.completed.v1 {event.recording_id}\n")


async def _publish(broker: RabbitBroker, event: SpectrogramCompleted) -> None:
    envelope = envelop(event, source="spectrogram", id_=event_id(event))
    message = to_message(envelope)
    assert isinstance(message.body, bytes)
    publisher = Publisher(broker, timeout_s=DEADLINE_S)
    await publisher.publish(
        message.body, exchange=EVENTS_EXCHANGE, routing_key=envelope.routing_key, headers=message.headers
    )


def _has_a_consumer(queue: str) -> bool:
    return bool(httpx.get(queue).json().get("consumers"))


def _prints(printed: Path, line: str) -> bool:
    return wait_until(lambda: line in printed.read_text(), timeout_s=DEADLINE_S)
