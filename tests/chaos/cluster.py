"""The whole system under test: real servers, a failing network, and two replicas of every service."""

import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx

from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.processes import Background
from deploy.local.servers import Servers
from deploy.local.services import ROOT
from deploy.local.state import StateFolder

from .proxy import Link, Mode, Proxy
from .schedule import EVERY_REPLICA, SERVERS

START_TIMEOUT_S = 120.0
STARTED = b"Application startup complete."
ANSWER_TIMEOUT_S = 5.0

# Waiting that is shorter than what operators would choose, so that faults of seconds are long; no bound is weaker.
SETTINGS: Mapping[str, str] = {
    **{f"DAWNCHORUS_{name}_PER_MINUTE": "0" for name in ("READS", "WRITES", "UPLOADS", "SEARCHES", "STREAMS")},
    "DAWNCHORUS_INTERNAL_TOKEN": "between-the-services",
    "DAWNCHORUS_LEASE_S": "5",
    "DAWNCHORUS_MONGODB_TIMEOUT_S": "3",
    "DAWNCHORUS_S3_TIMEOUT_S": "5",
    "DAWNCHORUS_PUBLISH_TIMEOUT_S": "3",
    "DAWNCHORUS_INGEST_TIMEOUT_S": "15",
    "DAWNCHORUS_DRAWING_SLOTS": "1",
    "DAWNCHORUS_PROBE_SLOTS": "1",
}


@dataclass(frozen=True)
class Replica:
    """One process of a service; `patches` are changes that a test makes to it: see patched.py."""

    name: str
    state: StateFolder
    port: int
    settings: Mapping[str, str]
    patches: Sequence[str] = ()

    @property
    def service(self) -> str:
        return self.name.partition("-")[0]

    @property
    def process(self) -> Background:
        return Background(self.name, self.state)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def start(self) -> None:
        patched = ["tests.chaos.patched", *self.patches] if self.patches else []
        self.process.start([sys.executable, "-m", *patched, f"services.{self.service}"], self.environment())

    def wait_until_ready(self) -> None:
        self.process.wait_until(self.is_ready, timeout_s=START_TIMEOUT_S)

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=ANSWER_TIMEOUT_S).is_success
        except httpx.TransportError:
            return False

    def environment(self) -> dict[str, str]:
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        own = {"DAWNCHORUS_HOST": LOOPBACK, "DAWNCHORUS_PORT": str(self.port), "PYTHONPATH": path}
        return os.environ | self.settings | own

    def was_ready(self) -> bool:
        """Return whether the process that runs, or ran last, got as far as serving."""
        ran = self.process._run()
        if ran is None:
            return False
        with self.process.log.open("rb") as log:
            log.seek(ran.log_offset)
            return STARTED in log.read()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the service itself; its children die with it, and stop or go on without it."""
        with suppress(ProcessLookupError):
            if (pid := self.process.pid) is not None:
                os.kill(pid, number)

    def children(self) -> list[int]:
        """Return the pids of those children that do its jobs."""
        pid = self.process.pid
        found: list[int] = []
        if pid is None:
            return found
        # A child belongs to the thread that began it.
        for thread in Path(f"/proc/{pid}/task").glob("*/children"):
            with suppress(FileNotFoundError, ProcessLookupError):
                found += [int(child) for child in thread.read_text().split() if "spawn_main" in _command_of(child)]
        return found


@dataclass(frozen=True)
class Cluster:
    """Everything that runs.

    links     by who and where to: `("analysis-1", "mongodb")`
    deaths    services that ended by themselves while they served
    restarts  services that did not get that far, because what they need was away
    away      what a fault keeps away just now
    """

    folder: Path
    servers: Servers
    proxy: Proxy
    replicas: Mapping[str, Replica]
    links: Mapping[tuple[str, str], Link]
    scratch: Path
    deaths: list[str] = field(default_factory=list)
    restarts: list[str] = field(default_factory=list)
    away: set[str] = field(default_factory=set)

    @property
    def gateways(self) -> list[str]:
        """Where clients find the system."""
        return [replica.url for replica in self.replicas.values() if replica.service == "gateway"]

    def change_links(self, who: str, server: str, mode: Mode, share: float = 1.0) -> None:
        """Change the links of one replica, or of all, to one server."""
        for (owner, to), link in self.links.items():
            if to == server and who in (owner, EVERY_REPLICA):
                self.proxy.change(link, mode, share)

    def supervise(self) -> None:
        """Start what ended by itself, as any platform would, and note it."""
        for name, replica in self.replicas.items():
            if name not in self.away and not replica.process.is_running():
                if replica.was_ready():
                    self.deaths.append(f"{name}: {replica.process.last_line()[:300]}")
                else:
                    self.restarts.append(name)
                replica.start()

    def wait_until_ready(self) -> None:
        for replica in self.replicas.values():
            replica.wait_until_ready()


@contextmanager
def running_cluster(
    folder: Path,
    servers: Servers,
    names: Sequence[str],
    *,
    settings: Mapping[str, str],
    patches: Mapping[str, Sequence[str]],
) -> Iterator[Cluster]:
    """Start the replicas of these names over `servers`, each with its own links to them; end all of them."""
    state, ports = StateFolder(folder), free_ports()
    scratch = folder / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        proxy = stack.enter_context(Proxy())
        numbers = {name: next(ports) for name in names}
        links = {
            (name, server): proxy.link(next(ports), _port_of(servers, server)) for name in names for server in SERVERS
        }
        for service in ("ingest", "spectrogram"):
            upstreams = [number for name, number in numbers.items() if name.startswith(service)]
            links[service, service] = proxy.link(next(ports), *upstreams)
        shared = {
            **SETTINGS,
            "DAWNCHORUS_INGEST_URL": f"http://{LOOPBACK}:{links['ingest', 'ingest'].port}",
            "DAWNCHORUS_SPECTROGRAM_URL": f"http://{LOOPBACK}:{links['spectrogram', 'spectrogram'].port}",
            "TMPDIR": str(scratch),
            **settings,
        }
        replicas = {
            name: Replica(name, state, number, _through(links, name, servers) | shared, patches.get(name, ()))
            for name, number in numbers.items()
        }
        for replica in replicas.values():
            stack.callback(replica.process.kill)
            replica.start()
        cluster = Cluster(folder, servers, proxy, replicas, links, scratch)
        cluster.wait_until_ready()
        yield cluster


def _port_of(servers: Servers, name: str) -> int:
    return {"rabbitmq": servers.rabbitmq.port, "mongodb": servers.mongodb.port, "s3": servers.s3.port}[name]


def _through(links: Mapping[tuple[str, str], Link], name: str, servers: Servers) -> dict[str, str]:
    direct = servers.environment()
    by_link = {
        variable: _with_port(direct[variable], links[name, server].port)
        for variable, server in (("AMQP_URL", "rabbitmq"), ("MONGODB_URL", "mongodb"), ("S3_ENDPOINT_URL", "s3"))
    }
    return direct | by_link


def _with_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    secret = f"{parts.username}:{parts.password}@" if parts.username else ""
    return urlunsplit(parts._replace(netloc=f"{secret}{parts.hostname}:{port}"))


def _command_of(pid: str) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()
