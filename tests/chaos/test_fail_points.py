"""A service dies at each step of its work, once; whatever it was about completes exactly once all the same."""

import asyncio
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local.servers import Servers
from deploy.local.waiting import wait_until
from tests.audio import tone, write
from tests.system import make_key

from .checker import check
from .cluster import Cluster, running_cluster
from .contents import Content
from .crashing import POINTS, arm, armed
from .loading import Clients
from .observing import observe, reference_of, unfinished
from .recorded import Upload

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]

REPLICAS = ("gateway-1", "ingest-1", "spectrogram-1", "analysis-1")
SETTINGS = {"DAWNCHORUS_EXTRACTORS": '["loudness"]'}
PATIENCE_S = 240.0
CRASHED, UNHARMED = "crashed", "unharmed"
SUPERVISED_EVERY_S = 0.2


def test_a_recording_completes_exactly_once_wherever_a_service_dies(servers: Servers, tmp_path: Path) -> None:
    points, recordings = tmp_path / "points", _recordings(tmp_path)
    for service, steps in POINTS.items():
        for content, step in zip(recordings, steps, strict=False):
            arm(points, service, content.name, step)
    patches = {name: (f"crash={points}",) for name in REPLICAS if not name.startswith("gateway")}

    with running_cluster(tmp_path / "run", servers, REPLICAS, settings=SETTINGS, patches=patches) as cluster:
        key = make_key(cluster.replicas["gateway-1"].environment(), CRASHED, UNHARMED)
        with _supervised(cluster):
            crashed = _sent(cluster, key, CRASHED, recordings)
            wait_until(lambda: not armed(points), timeout_s=PATIENCE_S)
            cluster.wait_until_ready()
        unharmed = _sent(cluster, key, UNHARMED, recordings)
        observed = observe(servers, [*crashed, *unharmed], {})

    verdict = check(replace(observed, reference=reference_of(replace(observed, uploads=tuple(unharmed)))))
    assert armed(points) == []
    assert len(cluster.deaths) + len(cluster.restarts) >= sum(map(len, POINTS.values()))
    assert verdict.findings == dict.fromkeys(verdict.findings, ())
    assert verdict.completed == 2 * len(recordings)


def _recordings(folder: Path) -> list[Content]:
    """Return one recording for each step of the service that has most of them; all of them sound alike."""
    body = write(folder / "tone.wav", tone(5021.0)).read_bytes()
    count = max(map(len, POINTS.values()))
    return [Content(f"point-{number}.wav", body + bytes([number, 0])) for number in range(count)]


def _sent(cluster: Cluster, key: str, project: str, recordings: list[Content]) -> list[Upload]:
    """Send recordings until they are taken, and wait until all that is done with them is done."""
    clients = Clients(cluster.gateways, key, random.Random(0), lambda: (), repeats=False)
    for each in recordings:
        # One at a time: where one dies after its document was written, another's would never be written again.
        asyncio.run(clients.send_for(PATIENCE_S, 0.0, [(project, each)], give_up_after_s=PATIENCE_S))
    ids = [recording_id for upload in clients.uploads for recording_id in upload.acknowledged]
    wait_until(lambda: not unfinished(cluster.servers, ids), timeout_s=PATIENCE_S)
    return clients.uploads


@contextmanager
def _supervised(cluster: Cluster) -> Iterator[None]:
    over = threading.Event()

    def supervise() -> None:
        while not over.wait(SUPERVISED_EVERY_S):
            cluster.supervise()

    thread = threading.Thread(target=supervise)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
