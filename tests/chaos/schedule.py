"""Which faults happen when: chance alone decides, and one seed decides chance."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .proxy import Mode

REPLICAS = tuple(
    f"{service}-{number}" for service in ("gateway", "ingest", "spectrogram", "analysis") for number in (1, 2)
)
WORKERS = tuple(name for name in REPLICAS if name.startswith(("spectrogram", "analysis")))
SERVERS = ("rabbitmq", "mongodb", "s3")
EVERY_REPLICA = "all"
# Time between two faults, and how long one lasts.
GAP_S = (1.0, 4.0)
LASTING_S = (2.0, 8.0)
# Longer than a lease of the services under test: others take over, and a zombie wakes up.
PAUSED_S = (3.0, 9.0)
SKEW_S = 600
SHARE_OF_SKEWED = 0.4


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    kind    what: `kill`, `pause`, `blackhole`, `disk_full` …
    target  where: a replica, a server, or a replica's link to a server, `analysis-1>mongodb`
    """

    at_s: float
    kind: str
    target: str
    for_s: float

    @property
    def name(self) -> str:
        """The fault without its moment, and without the number of the replica."""
        return f"{self.kind} {self.target}".replace("-1", "").replace("-2", "")

    @property
    def until_s(self) -> float:
        return self.at_s + self.for_s


@dataclass(frozen=True)
class Schedule:
    """What one seed says; skews_s: by how much the clocks of replicas are wrong."""

    seed: int
    faults: tuple[Fault, ...]
    skews_s: dict[str, int]


def schedule_of(seed: int, duration_s: float) -> Schedule:
    """Return the faults of `duration_s`; the same seed gives the same."""
    chance = random.Random(seed)
    skews = {name: chance.choice((-SKEW_S, SKEW_S)) for name in REPLICAS if chance.random() < SHARE_OF_SKEWED}
    return Schedule(seed, tuple(_faults(chance, duration_s)), skews)


def _faults(chance: random.Random, duration_s: float) -> Iterator[Fault]:
    at_s, busy_until_s, deck = 1.0, dict[str, float](), _deck(chance)
    while at_s < duration_s:
        kind, target, lasting = next(deck)
        place = target.partition(">")[2] or target
        if busy_until_s.get(place, 0.0) < at_s:
            fault = Fault(round(at_s, 2), kind, target, round(chance.uniform(*lasting), 2))
            busy_until_s[place] = fault.until_s
            yield fault
        at_s += chance.uniform(*GAP_S)


def _deck(chance: random.Random) -> Iterator[tuple[str, str, tuple[float, float]]]:
    """Deal every kind of fault once before any comes again."""
    while True:
        cards = [*_on_processes(chance), *_on_servers(), *_on_networks(chance), *_on_events()]
        chance.shuffle(cards)
        yield from cards


def _on_processes(chance: random.Random) -> Sequence[tuple[str, str, tuple[float, float]]]:
    services = ("gateway", "ingest", "spectrogram", "analysis")
    return [
        *(("kill", f"{service}-{chance.choice((1, 2))}", (0.5, 3.0)) for service in services),
        *(("pause", f"{service}-{chance.choice((1, 2))}", PAUSED_S) for service in services),
        *(("kill_child", f"{service}-{chance.choice((1, 2))}", (0.1, 0.1)) for service in services[1:]),
        ("pause_child", chance.choice(WORKERS), LASTING_S),
        ("scratch_full", "workers", LASTING_S),
    ]


def _on_servers() -> Sequence[tuple[str, str, tuple[float, float]]]:
    return [
        *(("kill", server, LASTING_S) for server in SERVERS),
        *(("pause", server, LASTING_S) for server in SERVERS),
        ("memory_alarm", "rabbitmq", LASTING_S),
        ("step_down", "mongodb", LASTING_S),
        ("disk_full", "s3", LASTING_S),
    ]


def _on_networks(chance: random.Random) -> Sequence[tuple[str, str, tuple[float, float]]]:
    modes = [mode for mode in Mode if mode is not Mode.PASS]
    links = [(mode, server) for mode in modes for server in SERVERS] + [(mode, "ingest") for mode in modes]
    # All of them in every deck would leave little room for anything else.
    return [(str(mode), f"{_who(chance, server)}>{server}", LASTING_S) for mode, server in chance.sample(links, 12)]


def _who(chance: random.Random, server: str) -> str:
    if server == "ingest":
        return EVERY_REPLICA
    return EVERY_REPLICA if chance.random() < 0.5 else chance.choice(REPLICAS)


def _on_events() -> Sequence[tuple[str, str, tuple[float, float]]]:
    return [(kind, "events", (0.1, 0.1)) for kind in ("duplicate", "reorder", "replay")]
