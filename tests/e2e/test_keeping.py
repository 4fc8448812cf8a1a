"""What is lost is announced anew, what nothing names is swept: a stack that looks every moment."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from contracts.topology import work_queue_name
from contracts.vocabulary import Lane
from deploy.local.servers import Servers
from tests.audio import tone, write
from tests.system import System, running_system

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def vhost(servers: Servers) -> Iterator[str]:
    """A virtual host of this stack's own: no other's workers take its messages."""
    name = f"keeping-{uuid.uuid4().hex[:8]}"
    where = f"{servers.rabbitmq.management_url}/api/vhosts/{name}"
    httpx.put(where).raise_for_status()
    yield name
    httpx.delete(where).raise_for_status()


@pytest.fixture(scope="module")
def keeping(tmp_path_factory: pytest.TempPathFactory, servers: Servers, vhost: str) -> Iterator[System]:
    """Four services, with servers' room of their own, that wait for nothing."""
    extra = {
        "AMQP_URL": f"{servers.rabbitmq.url}{vhost}",
        "MONGODB_URL": servers.environment()["MONGODB_URL"].replace("/dawnchorus?", f"/{vhost}?"),
        "S3_BUCKET": vhost,
        "DAWNCHORUS_REANNOUNCE_AFTER_S": "1",
        "DAWNCHORUS_RECONCILE_EVERY_S": "0.5",
        "DAWNCHORUS_EXTRACTORS": '["loudness"]',
    }
    with running_system(tmp_path_factory.mktemp("keeping"), servers, extra) as running:
        yield running


def test_a_recording_completes_although_its_event_was_lost_on_the_way_to_one_service(
    keeping: System, servers: Servers, vhost: str, tmp_path: Path
) -> None:
    worker, queue = keeping.services["spectrogram"], work_queue_name("spectrogram", Lane.INTERACTIVE)
    worker.stop()
    try:
        recording_id = keeping.upload(write(tmp_path / "lost.wav", tone(701.0))).json()["id"]
        keeping.until(lambda: keeping.recording(recording_id)["analysis"]["status"] == "completed")
        lost = httpx.delete(f"{servers.rabbitmq.management_url}/api/queues/{vhost}/{queue}/contents")
    finally:
        worker.start()
        worker.wait_until_ready()

    found = keeping.ended(recording_id)
    assert lost.is_success
    assert found["status"] == "completed"
