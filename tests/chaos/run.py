"""One run: a fresh system, clients and faults side by side, then healing, patience, and the verdict."""

import asyncio
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.local.servers import Servers, running_servers
from deploy.local.waiting import wait_until
from tests.system import make_key

from .checker import Verdict, check
from .cluster import Cluster, running_cluster
from .contents import Content
from .injecting import Injector, NotInjectedError, small_disk
from .loading import Clients, planned
from .observing import observe, reference_of, unfinished
from .recorded import Observed, Upload
from .schedule import Fault, Schedule

REFERENCE = "reference"
# Each project gets every content once: the same bytes in two projects are two recordings.
PROJECTS = tuple(f"round-{number}" for number in range(8))
OBJECT_DISK_BYTES = 900_000_000
SCRATCH_DISK_BYTES = 400_000_000
REFERENCE_TIMEOUT_S = 300.0
SUPERVISED_EVERY_S = 0.5
# The ladder's third rung, and what an attempt takes, with room.
HEALED_WITHIN_S = 240.0

Reference = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Plan:
    """What one run does.

    every_s   between two uploads
    patches   by replica: see patched.py
    settings  in addition to those of the cluster
    kept      a folder for the results of all runs, by their SHA-256
    """

    schedule: Schedule
    contents: Sequence[Content]
    fault_s: float = 60.0
    every_s: float = 1.5
    healed_within_s: float = HEALED_WITHIN_S
    replicas: Sequence[str] = ()
    patches: Mapping[str, Sequence[str]] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    kept: Path | None = None


@dataclass
class Injected:
    """A fault that was there: from when to when, or why not."""

    fault: Fault
    began_s: float | None = None
    ended_s: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Ran:
    """What a run left behind."""

    plan: Plan
    verdict: Verdict
    uploads: tuple[Upload, ...]
    injected: tuple[Injected, ...]
    restarts: tuple[str, ...]
    recovery_s: float
    took_s: float
    reference: Reference


def run(plan: Plan, folder: Path, reference: Reference | None = None) -> Ran:
    """Do what the plan says; without a reference, let all contents through undisturbed first."""
    began = time.monotonic()
    with running_stack(plan, folder) as (cluster, key):
        known = reference or undisturbed(cluster, key, plan.contents, plan.kept)
        storm = Storm(cluster, plan)
        uploads = storm.weather(key)
        recovery_s = storm.recover(uploads)
        observed = observe(cluster.servers, uploads, known, cluster.deaths, kept=plan.kept)
    verdict = check(_only_of(observed))
    took_s = time.monotonic() - began
    return Ran(plan, verdict, tuple(uploads), tuple(storm.injected), tuple(cluster.restarts), recovery_s, took_s, known)


@contextmanager
def running_stack(plan: Plan, folder: Path) -> Iterator[tuple[Cluster, str]]:
    """Start servers, on small disks where that is possible, and services; yield them and a key to their door."""
    with ExitStack() as stack:
        stack.enter_context(small_disk(folder / "servers" / "s3", OBJECT_DISK_BYTES))
        stack.enter_context(small_disk(folder / "scratch", SCRATCH_DISK_BYTES))
        servers = stack.enter_context(running_servers(folder / "servers"))
        settings, patches = plan.settings, plan.patches
        cluster = stack.enter_context(
            running_cluster(folder, servers, plan.replicas, settings=settings, patches=patches)
        )
        yield cluster, make_key(cluster.replicas["gateway-1"].environment(), REFERENCE, *PROJECTS)


def undisturbed(cluster: Cluster, key: str, contents: Sequence[Content], kept: Path | None) -> Reference:
    """Return what comes of each content when nothing fails."""
    clients = Clients(cluster.gateways, key, random.Random(0), lambda: (), repeats=False)
    sending = clients.send_for(REFERENCE_TIMEOUT_S, 0.0, [(REFERENCE, each) for each in contents], give_up_after_s=60)
    asyncio.run(sending)
    ids = _acknowledged(clients.uploads)
    if not wait_until(lambda: not unfinished(cluster.servers, ids), timeout_s=REFERENCE_TIMEOUT_S):
        raise TimeoutError("the run without faults did not end")
    return reference_of(observe(cluster.servers, clients.uploads, {}, kept=kept))


class Storm:
    """Faults and clients at the same time."""

    def __init__(self, cluster: Cluster, plan: Plan) -> None:
        self._cluster = cluster
        self._plan = plan
        self._chance = random.Random(plan.schedule.seed)
        self._injector = Injector(cluster, random.Random(plan.schedule.seed))
        self._over = threading.Event()
        self.injected = [Injected(fault) for fault in plan.schedule.faults]

    def weather(self, key: str) -> list[Upload]:
        """Send recordings while faults come and go; return once all faults are healed and all uploads are over."""
        self._began = time.monotonic()
        clients = Clients(self._cluster.gateways, key, self._chance, self._active)
        chosen = planned(self._plan.contents, PROJECTS, self._chance)
        sending = clients.send_for(
            self._plan.fault_s, self._plan.every_s, chosen, give_up_after_s=self._plan.healed_within_s
        )
        with ThreadPoolExecutor(len(self.injected) + 2) as threads:
            supervising = threads.submit(self._supervise)
            faults = [threads.submit(self._go_through, each) for each in self.injected]
            sent = threads.submit(asyncio.run, sending)
            for each in faults:
                each.result()
            self._healed = time.monotonic()
            self._heal()
            sent.result()
            self._over.set()
            supervising.result()
        return clients.uploads

    def recover(self, uploads: Sequence[Upload]) -> float:
        """Wait until everything that was acknowledged has ended; return how long that took from the healing."""
        ids = _acknowledged(uploads)
        left_s = self._plan.healed_within_s - (time.monotonic() - self._healed)
        wait_until(lambda: not unfinished(self._cluster.servers, ids), timeout_s=max(left_s, 1.0))
        return time.monotonic() - self._healed

    def _supervise(self) -> None:
        while not self._over.wait(SUPERVISED_EVERY_S):
            self._cluster.supervise()

    def _go_through(self, injected: Injected) -> None:
        fault = injected.fault
        self._over.wait(max(fault.at_s - self._now_s(), 0.0))
        try:
            with self._injector.injected(fault):
                injected.began_s = self._now_s()
                self._over.wait(fault.for_s)
        except NotInjectedError as error:
            injected.reason = str(error)
        injected.ended_s = self._now_s()

    def _heal(self) -> None:
        servers: Servers = self._cluster.servers
        for server in (servers.s3, servers.mongodb, servers.rabbitmq):
            server.wait_until_ready()

    def _active(self) -> list[str]:
        return [each.fault.name for each in self.injected if each.began_s is not None and each.ended_s is None]

    def _now_s(self) -> float:
        return time.monotonic() - self._began


def _acknowledged(uploads: Sequence[Upload]) -> list[str]:
    return sorted({recording_id for upload in uploads for recording_id in upload.acknowledged})


def _only_of(observed: Observed) -> Observed:
    """Leave out what belongs to the run without faults."""
    of_reference = {each["_id"] for each in observed.recordings if each["project_id"] == REFERENCE}
    return Observed(
        uploads=observed.uploads,
        recordings=tuple(each for each in observed.recordings if each["_id"] not in of_reference),
        documents={
            kind: tuple(each for each in tasks if each["recording_id"] not in of_reference)
            for kind, tasks in observed.documents.items()
        },
        heard=tuple(each for each in observed.heard if each.recording_id not in of_reference),
        objects={key: each for key, each in observed.objects.items() if key.split("/")[1] not in of_reference},
        reference=observed.reference,
        deaths=observed.deaths,
        parked=observed.parked,
        waiting=observed.waiting,
    )
