"""What the stack consists of, as the environment asks for it."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .errors import PortValueError, VariableMissingError
from .mongodb import MongoDB
from .processes import Background
from .rabbitmq import RabbitMQ
from .s3 import BUCKET, S3
from .services import Service
from .state import StateFolder

PORT_VARIABLE = "DAWNCHORUS_PORT"
PORT_BASE_VARIABLE = "DAWNCHORUS_PORT_BASE"
GATEWAY_PORT = 8080
FIRST_PORT = 8701
HIGHEST_PORT = 65_535

# The first variable replaces the embedded server; the others must come with it.
REPLACING = {
    "rabbitmq": ("AMQP_URL",),
    "mongodb": ("MONGODB_URL",),
    "s3": ("S3_ENDPOINT_URL", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"),
}


class Part(Protocol):
    """A server or a service."""

    @property
    def name(self) -> str: ...
    @property
    def ports(self) -> tuple[int, ...]: ...
    @property
    def process(self) -> Background: ...
    def is_running(self) -> bool: ...
    def start(self) -> None: ...
    def wait_until_ready(self) -> None: ...
    def stop(self) -> None: ...


class Server(Part, Protocol):
    """A part that others find by variables."""

    def environment(self) -> dict[str, str]: ...


@dataclass(frozen=True)
class Layout:
    """All parts in the order in which they start, and the settings that bind them."""

    state: StateFolder
    servers: tuple[Server, ...]
    replaced: Mapping[str, str]
    services: tuple[Service, ...]
    settings: Mapping[str, str]

    @property
    def env_file(self) -> Path:
        return self.state.root / "env"

    @property
    def gateway(self) -> Service:
        return self.services[-1]

    def embedded(self) -> tuple[Server, ...]:
        """Return the servers that no URL of the environment replaces."""
        return tuple(server for server in self.servers if server.name not in self.replaced)


def layout_from(environ: Mapping[str, str], state: StateFolder) -> Layout:
    """Lay the stack out; raises `PortValueError` or `VariableMissingError`."""
    gateway_port = _port(environ, PORT_VARIABLE, GATEWAY_PORT)
    row = itertools.count(_port(environ, PORT_BASE_VARIABLE, FIRST_PORT))
    ingest, spectrogram, analysis = (next(row) for _ in range(3))
    servers: tuple[Server, ...] = (RabbitMQ.on(state, row), MongoDB.on(state, row), S3.on(state, row))
    replaced = {server.name: url for server in servers if (url := _replacing_url(server, environ))}
    settings = {
        "DAWNCHORUS_INTERNAL_TOKEN": state.secret("internal_token"),
        "DAWNCHORUS_INGEST_URL": f"http://127.0.0.1:{ingest}",
        "DAWNCHORUS_SPECTROGRAM_URL": f"http://127.0.0.1:{spectrogram}",
    }
    for server in servers:
        settings |= _replacement(server.name, environ) if server.name in replaced else server.environment()
    ports = {"ingest": ingest, "spectrogram": spectrogram, "analysis": analysis, "gateway": gateway_port}
    services = tuple(Service(name, state, port, settings) for name, port in ports.items())
    return Layout(state, servers, replaced, services, settings)


def _port(environ: Mapping[str, str], variable: str, default: int) -> int:
    value = environ.get(variable) or str(default)
    if not value.isdecimal() or not 0 < int(value) <= HIGHEST_PORT:
        raise PortValueError(variable, value)
    return int(value)


def _replacing_url(server: Server, environ: Mapping[str, str]) -> str | None:
    variable = REPLACING[server.name][0]
    url = environ.get(variable)
    # A shell that sourced .local/env names our own server: that replaces nothing.
    return None if url == server.environment()[variable] else url


def _replacement(name: str, environ: Mapping[str, str]) -> dict[str, str]:
    because = REPLACING[name][0]
    for variable in REPLACING[name]:
        if not environ.get(variable):
            raise VariableMissingError(variable, because)
    values = {variable: environ[variable] for variable in REPLACING[name]}
    return values | {"S3_BUCKET": environ.get("S3_BUCKET", BUCKET)} if name == "s3" else values
