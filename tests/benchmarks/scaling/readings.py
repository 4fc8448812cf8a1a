"""Counters of a running stack, read before and after something: processor, S3, MongoDB, RabbitMQ."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pymongo

from deploy.local.mongodb import DATABASE
from deploy.local.procfs import living_processes
from deploy.local.servers import Servers
from deploy.local.waiting import wait_until
from tests.counting import CountingDoor
from tests.system import System

_TICKS_PER_S = 100
_OPERATIONS = ("insert", "query", "update", "delete", "getmore", "command")
_MESSAGES = ("publish", "deliver_get", "ack")
# The management plugin counts once a second.
_SETTLED_S = 3.0
_SETTLES_WITHIN_S = 30.0


@dataclass(frozen=True)
class Stack:
    """What is read: the system, its servers, and the door to S3."""

    system: System
    servers: Servers
    door: CountingDoor


def reading(stack: Stack) -> dict[str, float]:
    """Return every counter by name; they only grow, but for the sizes of what is stored."""
    return {
        "wall_s": time.monotonic(),
        **_cpu_s(sessions(stack)),
        **_s3(stack),
        **_mongodb(stack.servers),
        **_messages(stack.servers),
    }


def settled_messages(servers: Servers) -> None:
    """Return when RabbitMQ has told all that it counted."""
    seen: list[Mapping[str, float]] = []

    def is_same() -> bool:
        seen.append(_messages(servers))
        time.sleep(_SETTLED_S)
        return len(seen) > 1 and seen[-1] == seen[-2]

    wait_until(is_same, timeout_s=_SETTLES_WITHIN_S)


def sessions(stack: Stack) -> dict[str, int]:
    """Return the process that leads each service and server."""
    services = {name: service.process.pid or 0 for name, service in stack.system.services.items()}
    servers = (stack.servers.rabbitmq, stack.servers.mongodb, stack.servers.s3)
    return services | {server.name: server.process.pid or 0 for server in servers}


def _cpu_s(leaders: Mapping[str, int]) -> dict[str, float]:
    """Return what processes and their children have used, those that ended included (proc(5): fields 14 to 17)."""
    names = {session: name for name, session in leaders.items()}
    ticks = dict.fromkeys(leaders, 0)
    for each in living_processes():
        if each.session in names:
            fields = Path(f"/proc/{each.pid}/stat").read_text().rpartition(")")[2].split()
            ticks[names[each.session]] += sum(int(field) for field in fields[11:15])
    return {f"cpu_s.{name}": count / _TICKS_PER_S for name, count in ticks.items()}


def _s3(stack: Stack) -> dict[str, float]:
    folder = stack.servers.s3.state.of(stack.servers.s3.name) / "objects"
    return {
        "s3.sent_bytes": float(stack.door.sent_bytes),
        "s3.received_bytes": float(stack.door.received_bytes),
        "s3.stored_bytes": float(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())),
        **{f"s3.{method}": float(count) for method, count in stack.door.requests.items()},
    }


def _mongodb(servers: Servers) -> dict[str, float]:
    with pymongo.MongoClient(servers.mongodb.url) as client:
        status = client.admin.command("serverStatus")
        stored = client[DATABASE].command("dbStats")
    return {
        "mongodb.sent_bytes": float(status["network"]["bytesIn"]),
        "mongodb.received_bytes": float(status["network"]["bytesOut"]),
        "mongodb.data_bytes": float(stored["dataSize"]),
        "mongodb.index_bytes": float(stored["indexSize"]),
        **{f"mongodb.{name}": float(status["opcounters"][name]) for name in _OPERATIONS},
    }


def _messages(servers: Servers) -> dict[str, float]:
    overview = httpx.get(f"{servers.rabbitmq.management_url}/api/overview", timeout=10).json()
    counted = overview.get("message_stats", {})
    return {f"rabbitmq.{name}": float(counted.get(name, 0)) for name in _MESSAGES}
