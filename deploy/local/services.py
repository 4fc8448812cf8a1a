"""The four services as processes of their own."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from .ports import LOOPBACK
from .processes import Background
from .state import StateFolder

NAMES = ("ingest", "spectrogram", "analysis", "gateway")
ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 90.0
ANSWER_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Service:
    """One service, listening on loopback."""

    name: str
    state: StateFolder
    port: int
    settings: Mapping[str, str]

    @property
    def ports(self) -> tuple[int, ...]:
        return (self.port,)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def process(self) -> Background:
        return Background(self.name, self.state)

    def is_running(self) -> bool:
        return self.process.is_running()

    def start(self) -> None:
        self.process.start([sys.executable, "-m", f"services.{self.name}"], self.environment())

    def wait_until_ready(self) -> None:
        self.process.wait_until(self._is_ready, timeout_s=START_TIMEOUT_S)

    def stop(self) -> None:
        self.process.stop()

    def environment(self) -> dict[str, str]:
        """Return all that the service's process finds in its environment."""
        given = os.environ | self.settings
        path = os.pathsep.join(filter(None, [str(ROOT), given.get("PYTHONPATH")]))
        return given | {"DAWNCHORUS_HOST": LOOPBACK, "DAWNCHORUS_PORT": str(self.port), "PYTHONPATH": path}

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=ANSWER_TIMEOUT_S).is_success
        except httpx.TransportError:
            return False
