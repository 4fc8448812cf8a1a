"""The whole system for a test: the four services as processes of their own, over real servers."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from deploy.local.ports import free_ports
from deploy.local.servers import Servers
from deploy.local.services import NAMES, ROOT, Service
from deploy.local.state import StateFolder
from deploy.local.waiting import wait_until

DEADLINE_S = 60.0

# By name, folder, port and settings.
MakeService = Callable[[str, StateFolder, int, Mapping[str, str]], Service]


@dataclass(frozen=True)
class System:
    """Running services, and a client of the public interface."""

    services: Mapping[str, Service]
    client: httpx.Client
    environment: Mapping[str, str]

    def upload(self, path: Path, *, name: str | None = None, **query: str) -> httpx.Response:
        """Send one recording as a form."""
        with path.open("rb") as recording:
            return self.client.post("/v1/recordings", files={"file": (name or path.name, recording)}, params=query)

    def recording(self, recording_id: str) -> dict[str, Any]:
        """Return what the gateway says of a recording."""
        answer = self.client.get(f"/v1/recordings/{recording_id}")
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def ended(self, recording_id: str, *, within_s: float = DEADLINE_S) -> dict[str, Any]:
        """Return a recording once it has ended; fail when it has not in time."""
        self.until(lambda: self.recording(recording_id)["status"] not in ("queued", "processing"), within_s=within_s)
        return self.recording(recording_id)

    def until(self, holds: Callable[[], bool], *, within_s: float = DEADLINE_S) -> None:
        """Wait until something observable holds."""
        assert wait_until(holds, timeout_s=within_s), f"did not come true within {within_s:g} s"

    def key_for(self, project: str) -> str:
        """Make an API key by the command line, as an operator would."""
        return make_key(self.environment, project)


@contextmanager
def running_system(
    folder: Path, servers: Servers, extra: Mapping[str, str], make_service: MakeService = Service
) -> Iterator[System]:
    """Start the four services on free ports; nothing of them runs afterwards."""
    state, ports = StateFolder(folder), free_ports()
    numbers = {name: next(ports) for name in NAMES}
    settings = {
        **servers.environment(),
        "DAWNCHORUS_INTERNAL_TOKEN": "between-the-services",
        "DAWNCHORUS_INGEST_URL": f"http://127.0.0.1:{numbers['ingest']}",
        "DAWNCHORUS_SPECTROGRAM_URL": f"http://127.0.0.1:{numbers['spectrogram']}",
        # How full the disk of this machine is has nothing to do with what is tested.
        "DAWNCHORUS_DISK_WATERMARK": "1",
        **extra,
    }
    services = {name: make_service(name, state, number, settings) for name, number in numbers.items()}
    key = make_key(services["gateway"].environment(), "default")
    with ExitStack() as stack:
        for service in services.values():
            stack.callback(service.stop)
            service.start()
        for service in services.values():
            service.wait_until_ready()
        client = stack.enter_context(
            httpx.Client(
                base_url=services["gateway"].url, headers={"Authorization": f"Bearer {key}"}, timeout=DEADLINE_S
            )
        )
        yield System(services, client, services["gateway"].environment())


def make_key(environment: Mapping[str, str], *projects: str) -> str:
    """Return a new API key for `projects`."""
    named = [word for project in projects for word in ("--project", project)]
    command = [sys.executable, "-m", "services.gateway", "keys", "create", *named, "--name", "test"]
    made = subprocess.run(command, env=dict(environment), cwd=ROOT, capture_output=True, text=True, check=True)
    return made.stdout.strip()
