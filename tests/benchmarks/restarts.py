"""Replace every service again and again under load; write build/bench/restarts.json.

    python -m tests.benchmarks.restarts [--restarts 20] [--every-s 1.5]

Two replicas of each service; one after the other gets SIGTERM, and is started anew once it has ended. Meanwhile real
recordings go in, in turn to those gateways whose `/readyz` is 200, as a balancer would send them. In the end every
recording must have both results, at the first attempt, and no upload may have been refused.
"""

import argparse
import asyncio
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx
import soundfile

from deploy.local.servers import running_servers
from deploy.local.services import NAMES
from tests.audio import REPOSITORY, recordings_folder
from tests.chaos.cluster import Cluster, Replica, running_cluster
from tests.system import make_key

REPORT = REPOSITORY / "build" / "bench" / "restarts.json"
RECORDING = "birds_10s.wav"
READINESS_S = 0.2
END_TIMEOUT_S = 600.0
TASKS = ("spectrogram", "analysis")


@dataclass(frozen=True, slots=True)
class Restart:
    """One replica: seconds until it had ended, until it was ready again, and what was sent meanwhile."""

    replica: str
    stopped_s: float
    ready_s: float
    uploads: int
    refused: int


@dataclass
class Load:
    """Recordings sent one after the other to whichever gateway is ready."""

    gateways: list[str]
    client: httpx.AsyncClient
    ready: set[str] = field(default_factory=set)
    accepted: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    is_over: asyncio.Event = field(default_factory=asyncio.Event)

    async def watch(self) -> None:
        """Keep looking which gateways are ready."""
        while True:
            for gateway in self.gateways:
                is_ready = await self._is_ready(gateway)
                (self.ready.add if is_ready else self.ready.discard)(gateway)
            await asyncio.sleep(READINESS_S)

    async def send(self, every_s: float) -> None:
        """Send one recording every so often."""
        turns = itertools.cycle(self.gateways)
        for body in _copies():
            if self.is_over.is_set():
                return
            gateway = next((each for each in itertools.islice(turns, len(self.gateways)) if each in self.ready), None)
            await self._send(gateway or next(turns), body)
            await asyncio.sleep(every_s)

    async def _send(self, gateway: str, body: bytes) -> None:
        headers = {"Content-Type": "application/octet-stream"}
        try:
            answer = await self.client.post(
                f"{gateway}/v1/recordings", params={"name": RECORDING}, content=body, headers=headers
            )
        except httpx.TransportError as error:
            self.refused.append(repr(error))
            return
        if answer.status_code == httpx.codes.ACCEPTED:
            self.accepted.append(answer.json()["id"])
            return
        self.refused.append(f"{answer.status_code} {answer.text[:200]}")

    async def _is_ready(self, gateway: str) -> bool:
        try:
            return (await self.client.get(f"{gateway}/readyz")).is_success
        except httpx.TransportError:
            return False


async def replaced(cluster: Cluster, load: Load, restarts: int) -> list[Restart]:
    """Replace one replica after the other."""
    names = itertools.cycle(cluster.replicas)
    return [await _replaced(cluster.replicas[next(names)], load) for _ in range(restarts)]


async def _replaced(replica: Replica, load: Load) -> Restart:
    before, refused, began_s = len(load.accepted), len(load.refused), time.monotonic()
    await asyncio.to_thread(replica.process.stop, 60)
    stopped_s = time.monotonic() - began_s
    replica.start()
    await asyncio.to_thread(replica.wait_until_ready)
    made = Restart(
        replica.name,
        round(stopped_s, 1),
        round(time.monotonic() - began_s - stopped_s, 1),
        len(load.accepted) - before,
        len(load.refused) - refused,
    )
    _say(f"{made.replica:15} {made.stopped_s:8.1f} {made.ready_s:8.1f} {made.uploads:8} {made.refused:8}")
    return made


async def outcomes(load: Load) -> dict[str, int]:
    """Return, once all have ended or time is up, how many ended how."""
    deadline_s = time.monotonic() + END_TIMEOUT_S
    found = {"accepted": len(load.accepted), "completed": 0, "lost": 0, "attempts above 1": 0}
    for recording_id in load.accepted:
        while (said := await _recording(load, recording_id))["status"] in ("queued", "processing"):
            if time.monotonic() > deadline_s:
                break
            await asyncio.sleep(READINESS_S)
        found["completed" if said["status"] == "completed" else "lost"] += 1
        found["attempts above 1"] += any(said[task]["attempts"] != 1 for task in TASKS)
    return found | {"refused": len(load.refused)}


async def measured(cluster: Cluster, *, restarts: int, every_s: float) -> tuple[list[Restart], dict[str, int], Load]:
    """Replace replicas under load."""
    key = make_key(next(iter(cluster.replicas.values())).environment(), "default")
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
        load = Load(cluster.gateways, client)
        watching = asyncio.create_task(load.watch())
        sending = asyncio.create_task(load.send(every_s))
        made = await replaced(cluster, load, restarts)
        load.is_over.set()
        await sending
        found = await outcomes(load)
        watching.cancel()
        return made, found, load


async def _recording(load: Load, recording_id: str) -> dict[str, object]:
    answer = await load.client.get(f"{load.gateways[0]}/v1/recordings/{recording_id}")
    answer.raise_for_status()
    said: dict[str, object] = answer.json()
    return said


def _copies() -> Iterator[bytes]:
    """Yield the recording again and again, each with another first sample."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / RECORDING
        samples, rate_hz = soundfile.read(recordings_folder() / RECORDING, dtype="int16")
        for number in itertools.count():
            samples.flat[0] = number % 32_768
            soundfile.write(path, samples, rate_hz)
            yield path.read_bytes()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Measure, print, and fail where anything was lost, refused or tried twice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--every-s", type=float, default=1.5)
    asked = parser.parse_args()
    names = [f"{name}-{number}" for name in NAMES for number in (1, 2)]
    with tempfile.TemporaryDirectory(prefix="dawnchorus-restarts-") as folder:
        place = Path(folder)
        with (
            running_servers(place / "servers") as servers,
            running_cluster(place / "cluster", servers, names, settings={}, patches={}) as cluster,
        ):
            _say(f"{'replica':15} {'ended s':>8} {'ready s':>8} {'uploads':>8} {'refused':>8}")
            made, found, load = asyncio.run(measured(cluster, restarts=asked.restarts, every_s=asked.every_s))
    for line in (*(f"{name}: {count}" for name, count in found.items()), *load.refused):
        _say(line)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps({"restarts": [asdict(each) for each in made], **found}, indent=2))
    return int(any(found[bad] for bad in ("lost", "refused", "attempts above 1")))


if __name__ == "__main__":
    sys.exit(main())
