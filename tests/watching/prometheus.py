"""A private Prometheus that reads the services and the broker of one stack."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.processes import Background
from deploy.local.servers import Servers
from deploy.local.services import Service
from deploy.local.state import StateFolder

from .expressions import ALERTS

START_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 10.0
SCRAPED_EVERY = "1s"
FAMILIES = ["queue_coarse_metrics", "queue_consumer_count"]


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    url: str

    def values(self, expression: str) -> list[float]:
        """Return the numbers that an expression gives now; what is not a number is none."""
        return [value for value in map(_value, self._asked("query", query=expression)["result"]) if value == value]

    def firing(self) -> set[str]:
        """Return the names of the alerts that fire."""
        return {each["labels"]["alertname"] for each in self._asked("alerts")["alerts"] if each["state"] == "firing"}

    def exemplars(self, metric: str) -> list[Mapping[str, Any]]:
        """Return the exemplars of a metric's series."""
        found = self._asked("query_exemplars", query=metric, start="0", end="9999999999")
        return [exemplar for each in found for exemplar in each["exemplars"]]

    def healthy_targets(self) -> int:
        """Return how many endpoints answered when they were asked last."""
        return sum(each["health"] == "up" for each in self._asked("targets")["activeTargets"])

    def _asked(self, path: str, **wanted: str) -> Any:
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=wanted, timeout=ANSWER_TIMEOUT_S)
        answer.raise_for_status()
        return answer.json()["data"]


def program(name: str) -> str:
    """Return where a program of Prometheus is; the test is skipped where it is not installed, but never in CI."""
    found = shutil.which(name)
    if found is None:
        reason = f"{name} is not installed; `make test` installs it"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextmanager
def running_prometheus(
    folder: Path, services: Mapping[str, Service], servers: Servers, rules: Path = ALERTS
) -> Iterator[Prometheus]:
    """Read the metrics of a stack every second; nothing of it runs afterwards."""
    state, port = StateFolder(folder), next(free_ports())
    folder.mkdir(exist_ok=True)
    config = folder / "prometheus.json"
    config.write_text(json.dumps(_configuration(services, servers, rules)))
    process = Background("prometheus", state)
    url = f"http://{LOOPBACK}:{port}"
    command = [
        program("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={LOOPBACK}:{port}",
        "--enable-feature=exemplar-storage",
    ]
    try:
        process.start(command, dict(os.environ))
        process.wait_until(lambda: _is_ready(url), timeout_s=START_TIMEOUT_S)
        yield Prometheus(url)
    finally:
        process.stop()


def _configuration(services: Mapping[str, Service], servers: Servers, rules: Path) -> Mapping[str, Any]:
    """Return the configuration; YAML is JSON, too."""
    broker = [{"targets": [f"{LOOPBACK}:{servers.rabbitmq.metrics_port}"]}]
    ours = [
        {"job_name": f"dawnchorus-{name}", "static_configs": [{"targets": [f"{LOOPBACK}:{service.port}"]}]}
        for name, service in services.items()
    ]
    queues = {"metrics_path": "/metrics/detailed", "params": {"family": FAMILIES}}
    return {
        "global": {"scrape_interval": SCRAPED_EVERY, "scrape_timeout": SCRAPED_EVERY, "evaluation_interval": "1s"},
        "rule_files": [str(path) for path in sorted(rules.glob("*.yaml"))],
        "scrape_configs": [
            *ours,
            {"job_name": "rabbitmq", "static_configs": broker},
            {"job_name": "rabbitmq-queues", "static_configs": broker, **queues},
        ],
    }


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", timeout=ANSWER_TIMEOUT_S).is_success
    except httpx.TransportError:
        return False


def _value(sample: Mapping[str, Any]) -> float:
    return float(sample["value"][1])
