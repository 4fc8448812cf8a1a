"""How each kind of fault is done, and undone."""

import os
import random
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymongo
from aio_pika.exceptions import AMQPError
from pymongo.errors import PyMongoError

from deploy.local.layout import Server
from deploy.local.processes import Background
from deploy.local.procfs import living_processes
from deploy.local.rabbitmq import RabbitMQ
from deploy.local.waiting import wait_until

from .cluster import Cluster, Replica
from .hearing import read_history, tell_again
from .proxy import Mode
from .schedule import Fault

RABBITMQCTL = Path("/usr/lib/rabbitmq/bin/rabbitmqctl")
COMMAND_TIMEOUT_S = 30.0
SHARE_OF_RESPONSES = 0.5
WATERMARK = 0.4
# Three of each recording: enough for those that are being worked on.
REPEATED_EVENTS = 60
# What a disk that is full by accident has left.
LEFT_FREE_BYTES = 8192
NO_ANSWER_MS = 2000
GONE_WITHIN_S = 20.0


class NotInjectedError(Exception):
    """This fault could not be brought about, here or now."""


@dataclass(frozen=True)
class Injector:
    """Does faults to one cluster."""

    cluster: Cluster
    chance: random.Random

    @contextmanager
    def injected(self, fault: Fault) -> Iterator[None]:
        """Keep the fault up while the block runs. Raises `NotInjectedError`."""
        who, _, server = fault.target.partition(">")
        if server:
            with self._network(who, server, Mode(fault.kind)):
                yield
            return
        with self._of_kind(fault.kind)(fault.target):
            yield

    def _of_kind(self, kind: str) -> Callable[[str], Any]:
        kinds: dict[str, Callable[[str], Any]] = {
            "kill": self._kill,
            "pause": self._pause,
            "kill_child": self._kill_child,
            "pause_child": self._pause_child,
            "memory_alarm": self._memory_alarm,
            "step_down": self._step_down,
            "disk_full": lambda _: full_disk(self.cluster.servers.s3.state.of("s3")),
            "scratch_full": lambda _: full_disk(self.cluster.scratch),
            "duplicate": lambda _: self._repeat(in_order=True, newest=True),
            "reorder": lambda _: self._repeat(in_order=False, newest=True),
            "replay": lambda _: self._repeat(in_order=True, newest=False),
        }
        return kinds[kind]

    @contextmanager
    def _network(self, who: str, server: str, mode: Mode) -> Iterator[None]:
        self.cluster.change_links(who, server, mode, SHARE_OF_RESPONSES)
        try:
            yield
        finally:
            self.cluster.change_links(who, server, Mode.PASS)

    @contextmanager
    def _kill(self, target: str) -> Iterator[None]:
        replica = self.cluster.replicas.get(target)
        self.cluster.away.add(target)
        try:
            if replica is not None:
                replica.send(signal.SIGKILL)
            else:
                self._server(target).process.kill()
            yield
        finally:
            self._restart(replica or self._server(target))
            self.cluster.away.discard(target)

    @contextmanager
    def _pause(self, target: str) -> Iterator[None]:
        replica = self.cluster.replicas.get(target)
        pids = _pids(replica.process if replica is not None else self._server(target).process)
        # The children of a service go on: only who answers for them is silent.
        chosen = pids[:1] if replica is not None else pids
        with _stopped(chosen):
            yield

    @contextmanager
    def _kill_child(self, target: str) -> Iterator[None]:
        with suppress(ProcessLookupError):
            os.kill(self._child_of(target), signal.SIGKILL)
        yield

    @contextmanager
    def _pause_child(self, target: str) -> Iterator[None]:
        with _stopped([self._child_of(target)]):
            yield

    @contextmanager
    def _memory_alarm(self, target: str) -> Iterator[None]:
        _set_watermark(self.cluster.servers.rabbitmq, 0)
        try:
            yield
        finally:
            with suppress(NotInjectedError):
                _set_watermark(self.cluster.servers.rabbitmq, WATERMARK)

    @contextmanager
    def _step_down(self, target: str) -> Iterator[None]:
        url = self.cluster.servers.mongodb.url
        with pymongo.MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=NO_ANSWER_MS) as client:
            try:
                # Alone in its replica set, it elects itself when the time is over.
                client.admin.command("replSetStepDown", 3, secondaryCatchUpPeriodSecs=0, force=True)
            except PyMongoError as error:
                raise NotInjectedError(repr(error)) from error
        yield

    @contextmanager
    def _repeat(self, *, in_order: bool, newest: bool) -> Iterator[None]:
        url = self.cluster.servers.environment()["AMQP_URL"]
        try:
            messages = read_history(url)
            chosen = messages[-REPEATED_EVENTS:] if newest else messages[:REPEATED_EVENTS]
            tell_again(url, chosen if in_order else self.chance.sample(chosen, len(chosen)))
        except (AMQPError, OSError, TimeoutError) as error:
            raise NotInjectedError(repr(error)) from error
        yield

    @staticmethod
    def _restart(part: Replica | Server) -> None:
        # Whoever was killed and is not gone yet counts as running, and would not be started.
        wait_until(lambda: not part.process.is_running(), timeout_s=GONE_WITHIN_S)
        part.start()

    def _child_of(self, target: str) -> int:
        children = self.cluster.replicas[target].children()
        if not children:
            raise NotInjectedError(f"{target} has no children now")
        return self.chance.choice(children)

    def _server(self, name: str) -> Server:
        servers = self.cluster.servers
        return {"rabbitmq": servers.rabbitmq, "mongodb": servers.mongodb, "s3": servers.s3}[name]


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[bool]:
    """Put a disk of its own, in memory, under a folder; yield whether that is possible here."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=700", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """Leave no room on the small disk under `folder`. Raises `NotInjectedError` where it has none of its own."""
    if not os.path.ismount(folder):
        raise NotInjectedError(f"{folder.name} has no disk of its own here")
    ballast = folder / "ballast"
    disk = os.statvfs(folder)
    try:
        with ballast.open("wb") as file, suppress(OSError):
            os.posix_fallocate(file.fileno(), 0, max(disk.f_bavail * disk.f_frsize - LEFT_FREE_BYTES, 1))
        yield
    finally:
        ballast.unlink(missing_ok=True)


@contextmanager
def _stopped(pids: list[int]) -> Iterator[None]:
    _send(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        _send(pids, signal.SIGCONT)


def _send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _pids(process: Background) -> list[int]:
    """Return the leader's pid, and those of the others in its session."""
    leader = process.pid
    if leader is None:
        raise NotInjectedError(f"{process.name} does not run just now")
    return [leader, *(each.pid for each in living_processes() if each.session == leader and each.pid != leader)]


def _set_watermark(broker: RabbitMQ, share: float) -> None:
    command = [str(RABBITMQCTL), "--node", "dawnchorus@localhost", "set_vm_memory_high_watermark", str(share)]
    environment = os.environ | broker._node_environment()
    try:
        subprocess.run(command, env=environment, capture_output=True, check=True, timeout=COMMAND_TIMEOUT_S)
    except subprocess.SubprocessError as error:
        raise NotInjectedError(repr(error)) from error
