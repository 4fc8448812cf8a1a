"""The three real servers together, for tests: on free ports, in a folder of their own, stopped at the end."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from .mongodb import MongoDB
from .ports import free_ports
from .rabbitmq import RabbitMQ
from .s3 import S3
from .state import StateFolder


@dataclass(frozen=True)
class Servers:
    """Running servers; each can be stopped and started again on its port and folder."""

    rabbitmq: RabbitMQ
    mongodb: MongoDB
    s3: S3

    def environment(self) -> dict[str, str]:
        """Return the variables by which the services find the servers."""
        return self.rabbitmq.environment() | self.mongodb.environment() | self.s3.environment()


@contextmanager
def running_servers(folder: Path) -> Iterator[Servers]:
    """Start RabbitMQ, MongoDB and S3 in `folder`; nothing of them runs afterwards."""
    state, ports = StateFolder(folder), free_ports()
    servers = Servers(rabbitmq=RabbitMQ.on(state, ports), mongodb=MongoDB.on(state, ports), s3=S3.on(state, ports))
    with ExitStack() as stopping:
        for server in (servers.rabbitmq, servers.mongodb, servers.s3):
            stopping.callback(server.stop)
            server.start()
        for server in (servers.s3, servers.mongodb, servers.rabbitmq):
            server.wait_until_ready()
        yield servers
