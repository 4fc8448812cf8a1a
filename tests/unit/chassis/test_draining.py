import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from deploy.local.ports import free_ports
from deploy.local.waiting import wait_until
from tests.audio import REPOSITORY

DEADLINE_S = 60.0

SERVICE = """
import asyncio, sys
from contextlib import asynccontextmanager
from pathlib import Path
from chassis.health import Health
from chassis.serve import Service, run
from chassis.settings import ServiceSettings

port, folder = int(sys.argv[1]), Path(sys.argv[2])

async def app(scope, receive, send):
    (folder / "asked").touch()
    while not (folder / "answer").exists():
        await asyncio.sleep(0.01)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})

@asynccontextmanager
async def lifespan():
    yield
    (folder / "closed").touch()

servers = {"AMQP_URL": "-", "MONGODB_URL": "-", "S3_ACCESS_KEY_ID": "-", "S3_SECRET_ACCESS_KEY": "-"}
run(
    lambda settings: Service("test", Health(), lifespan, app),
    ServiceSettings(**servers, port=port, drain_notice_s=float(sys.argv[3]), drain_timeout_s=600),
    "test",
)
"""


class Running:
    """A service that answers its first request when the test says so."""

    def __init__(self, folder: Path, notice_s: float) -> None:
        self.folder = folder
        self.answers: list[int] = []
        self.url = f"http://127.0.0.1:{next(free_ports())}"
        command = [sys.executable, "-c", SERVICE, self.url.rpartition(":")[2], str(folder), str(notice_s)]
        self.process = subprocess.Popen(command, cwd=REPOSITORY)
        self.until(lambda: self.readiness() == 200)
        self.asking = threading.Thread(target=self._ask)

    def readiness(self) -> int | None:
        try:
            return httpx.get(f"{self.url}/readyz").status_code
        except httpx.TransportError:
            return None

    def until(self, holds: Callable[[], bool]) -> None:
        assert wait_until(holds, timeout_s=DEADLINE_S)

    def ask(self) -> None:
        self.asking.start()
        self.until((self.folder / "asked").exists)

    def _ask(self) -> None:
        try:
            self.answers.append(httpx.get(self.url, timeout=DEADLINE_S).status_code)
        except httpx.TransportError:
            self.answers.append(0)


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path, notice_s=600)
    yield running
    running.process.kill()
    running.process.wait()


@pytest.fixture
def leaving(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path, notice_s=0)
    yield running
    running.process.kill()
    running.process.wait()


def test_who_asks_while_a_service_leaves_is_told_so_and_asks_elsewhere_next_time(patient: Running) -> None:
    patient.process.send_signal(signal.SIGTERM)
    patient.until(lambda: patient.readiness() == 503)

    (patient.folder / "answer").touch()
    answer = httpx.get(patient.url)

    assert answer.status_code == 200
    assert answer.headers["connection"] == "close"


def test_a_request_that_runs_is_answered_before_the_service_ends(leaving: Running) -> None:
    leaving.ask()
    leaving.process.send_signal(signal.SIGTERM)
    leaving.until(lambda: leaving.readiness() is None)

    (leaving.folder / "answer").touch()
    leaving.asking.join()
    leaving.process.wait(DEADLINE_S)

    assert leaving.answers == [200]
    assert (leaving.folder / "closed").exists()


def test_a_service_that_is_told_twice_waits_for_nobody_and_closes_what_it_has_open(leaving: Running) -> None:
    leaving.ask()
    leaving.process.send_signal(signal.SIGTERM)
    leaving.until(lambda: leaving.readiness() is None)

    leaving.process.send_signal(signal.SIGTERM)
    leaving.process.wait(DEADLINE_S)
    leaving.asking.join()

    assert leaving.answers == [0]
    assert (leaving.folder / "closed").exists()
