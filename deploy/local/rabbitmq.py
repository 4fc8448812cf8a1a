"""RabbitMQ as a private node: its own ports, name daemon, cookie, configuration and user."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import httpx

from .errors import ProgramMissingError
from .ports import LOOPBACK, answers
from .processes import Background
from .state import StateFolder, write_private

# The wrapper in /usr/sbin changes to the user rabbitmq; this script runs as anybody.
SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
USER = "dawnchorus"
START_TIMEOUT_S = 90.0
# What is durable is closed in the first tenth of a second; then the management plugin holds the node for five more.
STOP_TIMEOUT_S = 3.0
ANSWER_TIMEOUT_S = 5.0
AMQP_GREETING = b"AMQP\x00\x00\x09\x01"
METHOD_FRAME = b"\x01"

# Schedulers that spin while idle would take the cores from everything else on a small machine.
ERLANG_FLAGS = "+S 2:2 +SDcpu 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}"

CONFIGURATION = """\
listeners.tcp.local = {host}:{port}
management.tcp.ip = {host}
management.tcp.port = {management_port}
prometheus.tcp.ip = {host}
prometheus.tcp.port = {metrics_port}
default_user = {user}
default_pass = {password}
disk_free_limit.absolute = 100MB
raft.wal_max_size_bytes = 64000000
max_message_size = 4000000
collect_statistics_interval = 1000
"""


@dataclass(frozen=True)
class RabbitMQ:
    """One broker with its management and Prometheus plugins."""

    state: StateFolder
    port: int
    management_port: int
    metrics_port: int
    distribution_port: int
    names_port: int

    name = "rabbitmq"

    @classmethod
    def on(cls, state: StateFolder, ports: Iterator[int]) -> Self:
        return cls(state, *(next(ports) for _ in range(5)))

    @property
    def ports(self) -> tuple[int, ...]:
        return self.port, self.management_port, self.metrics_port, self.distribution_port, self.names_port

    @property
    def url(self) -> str:
        return f"amqp://{USER}:{self._password}@{LOOPBACK}:{self.port}/"

    @property
    def management_url(self) -> str:
        return f"http://{USER}:{self._password}@{LOOPBACK}:{self.management_port}"

    @property
    def process(self) -> Background:
        return Background(self.name, self.state)

    def environment(self) -> dict[str, str]:
        return {"AMQP_URL": self.url, "DAWNCHORUS_RABBITMQ_MANAGEMENT_URL": self.management_url}

    def start(self) -> None:
        if not SERVER.exists():
            raise ProgramMissingError("RabbitMQ", "rabbitmq-server")
        self._write_configuration()
        self._names.start([_epmd(), "-port", str(self.names_port), "-address", LOOPBACK], _inherited_environment())
        self.process.start([str(SERVER)], _inherited_environment() | self._node_environment())

    def is_running(self) -> bool:
        return self.process.is_running() and self._names.is_running()

    def wait_until_ready(self) -> None:
        self.process.wait_until(self._answers, timeout_s=START_TIMEOUT_S)

    def stop(self) -> None:
        self.process.stop(STOP_TIMEOUT_S)
        self._names.stop()

    def kill(self) -> None:
        """End the broker without its consent."""
        self.process.kill()
        self._names.kill()

    @property
    def _names(self) -> Background:
        # Erlang's name daemon would leave our session and stay for ever, so it is a process of ours.
        return Background("epmd", self.state)

    @property
    def _password(self) -> str:
        return self.state.secret(self.name)

    @property
    def _folder(self) -> Path:
        return self.state.of(self.name)

    def _write_configuration(self) -> None:
        text = CONFIGURATION.format(
            host=LOOPBACK,
            port=self.port,
            management_port=self.management_port,
            metrics_port=self.metrics_port,
            user=USER,
            password=self._password,
        )
        write_private(self._folder / "rabbitmq.conf", text)
        (self._folder / "enabled_plugins").write_text("[rabbitmq_management,rabbitmq_prometheus].\n")
        (self._folder / "rabbitmq-env.conf").touch()

    def _node_environment(self) -> dict[str, str]:
        folder = self._folder
        return {
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self.names_port),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "RABBITMQ_NODENAME": "dawnchorus@localhost",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG_FLAGS,
        }

    def _answers(self) -> bool:
        greeted = answers(self.port, AMQP_GREETING, METHOD_FRAME, timeout_s=ANSWER_TIMEOUT_S)
        return greeted and self._knows_our_user()

    def _knows_our_user(self) -> bool:
        try:
            return httpx.get(f"{self.management_url}/api/overview", timeout=ANSWER_TIMEOUT_S).is_success
        except httpx.TransportError:
            return False


def _epmd() -> str:
    program = shutil.which("epmd")
    if program is None:
        raise ProgramMissingError("epmd", "erlang-base")
    return program


def _inherited_environment() -> dict[str, str]:
    # A system-wide broker's settings, or systemd's socket, would change how the node starts.
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RABBITMQ_", "ERL_")) and name != "NOTIFY_SOCKET"
    }
