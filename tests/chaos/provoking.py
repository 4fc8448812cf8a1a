"""Runs without one of the things that keep the promise, under those faults that show what it is good for."""

from collections.abc import Mapping, Sequence

from .contents import Content
from .run import Plan
from .schedule import REPLICAS, WORKERS, Fault, Schedule

SABOTAGED = ("outbox", "confirm", "fence")
# Afterwards nothing new is in the way of what was sent until then.
UPLOADING_S = 7.0
# How long those take over storing that are to be stopped at it.
LINGERING_S = 6


def provoked(name: str, contents: Sequence[Content], settings: Mapping[str, str]) -> Plan:
    """Return the run that must fail without `name`."""
    faults, where = _PROVOKING[name]
    patches = {replica: (name,) for replica in REPLICAS if replica.startswith(where)}
    if name == "fence":
        patches |= {
            replica: (*each, f"linger={LINGERING_S}") for replica, each in patches.items() if replica[-1] == "1"
        }
    small = [each for each in contents if each.name.startswith("tone")]
    return Plan(
        Schedule(0, faults, {}),
        small,
        fault_s=UPLOADING_S,
        every_s=1.0,
        healed_within_s=30.0,
        replicas=REPLICAS,
        patches=patches,
        settings=settings,
    )


def _without_broker() -> tuple[Fault, ...]:
    return (Fault(2.0, "kill", "rabbitmq", 5.0),)


def _deaf_broker() -> tuple[Fault, ...]:
    return (Fault(2.0, "half_open", "all>rabbitmq", 5.0),)


def _zombies() -> tuple[Fault, ...]:
    # Half of the workers stop before they store anything, for longer than a lease. Meanwhile the events come again,
    # and the others take the tasks over. Then the first go on where they were.
    pauses = [Fault(4.0, "pause", worker, 16.0) for worker in WORKERS if worker.endswith("1")]
    return (*pauses, *(Fault(at_s, "duplicate", "events", 0.1) for at_s in (10.5, 13.5)))


_PROVOKING = {
    "outbox": (_without_broker(), "ingest"),
    "confirm": (_deaf_broker(), "ingest"),
    "fence": (_zombies(), ("spectrogram", "analysis")),
}
