"""What follows from the measured costs: for an hour of audio, for a node, and for many recordings a day."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.audio import REPOSITORY

PAGE = REPOSITORY / "docs" / "scaling.md"
MEASURED = Path(__file__).with_name("measured.json")
WORKERS = ("spectrogram", "analysis")
SERVICES = ("gateway", "ingest", *WORKERS)
SERVERS = ("rabbitmq", "mongodb", "s3")
DAY_S = 86_400.0

# A season of a survey and a library, by number of recordings: nine of ten are clips, one of a hundred is an hour.
MIX: Mapping[str, float] = {"clip": 0.90, "track": 0.09, "hour": 0.01}
# How busy a core may be on average over a day whose busiest hour has 1.8 times the mean.
BUSY_ON_AVERAGE = 0.4
CORES_OF_A_NODE = 8
# Dollars, of the order of what large clouds ask for; nobody's quotation.
CORE_HOUR, S3_WRITE, S3_READ, S3_GB_MONTH = 0.04, 5e-6, 4e-7, 0.023
VOLUMES = (10_000, 1_000_000, 100_000_000)

_S3_WRITES, _S3_READS = ("PUT", "POST", "DELETE"), ("GET", "HEAD")
_MONGODB_WRITES, _MONGODB_READS = ("insert", "update", "delete"), ("query", "getmore", "command")


@dataclass(frozen=True)
class Kind:
    """What one recording of a kind costs."""

    name: str
    audio_s: float
    size_bytes: float
    each: Mapping[str, float]
    peak_mb: Mapping[str, float]

    def sum(self, prefix: str, names: Sequence[str]) -> float:
        """Return what several counters grew by."""
        return sum(self.each.get(f"{prefix}.{name}", 0.0) for name in names)

    @property
    def cost(self) -> dict[str, float]:
        """Return the cost of one recording in what is paid for."""
        stored = ("s3.stored_bytes", "mongodb.data_bytes", "mongodb.index_bytes")
        return {
            **{f"CPU s, {name}": self.each[f"cpu_s.{name}"] for name in (*SERVICES, *SERVERS)},
            "S3 bytes in": self.each["s3.sent_bytes"],
            "S3 bytes out": self.each["s3.received_bytes"],
            "S3 bytes stored": self.each[stored[0]],
            "S3 writes": self.sum("s3", _S3_WRITES),
            "S3 reads": self.sum("s3", _S3_READS),
            "MongoDB writes": self.sum("mongodb", _MONGODB_WRITES),
            "MongoDB reads and commands": self.sum("mongodb", _MONGODB_READS),
            "MongoDB bytes in": self.each["mongodb.sent_bytes"],
            "MongoDB bytes out": self.each["mongodb.received_bytes"],
            "MongoDB bytes stored, with indexes": self.each[stored[1]] + self.each[stored[2]],
            "messages published": self.each["rabbitmq.publish"],
            "messages delivered": self.each["rabbitmq.deliver_get"],
        }


def kinds() -> dict[str, Kind]:
    """Return what `make bench-cost` measured and kept."""
    rows: list[dict[str, Any]] = json.loads(MEASURED.read_text())
    return {row["kind"]: _kind(row) for row in rows}


def mixed(found: Mapping[str, Kind]) -> dict[str, float]:
    """Return the cost of the average recording of the mix, and its audio."""
    names = found["clip"].cost
    average = {name: sum(share * found[kind].cost[name] for kind, share in MIX.items()) for name in names}
    return {"audio s": sum(share * found[kind].audio_s for kind, share in MIX.items()), **average}


def arithmetic() -> dict[str, list[str]]:
    """Return the tables of the page for which nothing is simulated, by their marks."""
    measured = kinds()
    average = mixed(measured)
    return {
        "costs": cost_table(measured),
        "capacity": capacity_table(average),
        "volumes": volume_table(average),
    }


def cost_table(found: Mapping[str, Kind]) -> list[str]:
    """Return the lines of a Markdown table: one of each kind, and an hour of audio of each."""
    heads = [f"{name} of {_short(kind.audio_s)} s" for name, kind in found.items()]
    lines = [f"| | {' | '.join(heads)} | an hour of clips | an hour of tracks |", "|---|---:|---:|---:|---:|---:|"]
    for name in found["clip"].cost:
        values = [kind.cost[name] for kind in found.values()]
        per_hour = [found[kind].cost[name] * 3600 / found[kind].audio_s for kind in ("clip", "track")]
        lines.append(f"| {name} | {' | '.join(_short(value) for value in (*values, *per_hour))} |")
    return lines


def capacity_table(average: Mapping[str, float]) -> list[str]:
    """Return the lines of a Markdown table: what one, ten and a thousand nodes carry of the mix."""
    lines = ["| nodes | recordings a day | hours of audio a day | messages a second | MongoDB writes a second |"]
    lines.append("|---:|---:|---:|---:|---:|")
    for nodes in (1, 10, 1000):
        per_day = recordings_a_day(average, nodes)
        per_s = per_day / DAY_S
        rates = (per_day, per_day * average["audio s"] / 3600, per_s * average["messages published"])
        lines.append(
            f"| {nodes} | {' | '.join(_short(each) for each in (*rates, per_s * average['MongoDB writes']))} |"
        )
    return lines


def volume_table(average: Mapping[str, float]) -> list[str]:
    """Return the lines of a Markdown table: what the volumes ask of every part, on average over a day."""
    lines = ["| recordings a day | cores | TB stored a day | messages a second | MongoDB writes a second |"]
    lines[0] += " MongoDB GB a day | S3 writes a second | S3 reads a second |"
    lines.append("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for volume in VOLUMES:
        per_s = volume / DAY_S
        values = (
            service_cpu_s(average) * per_s / BUSY_ON_AVERAGE,
            volume * average["S3 bytes stored"] / 1e12,
            per_s * average["messages published"],
            per_s * average["MongoDB writes"],
            volume * average["MongoDB bytes stored, with indexes"] / 1e9,
            per_s * average["S3 writes"],
            per_s * average["S3 reads"],
        )
        lines.append(f"| {volume:,} | {' | '.join(_short(value) for value in values)} |")
    return lines


@dataclass(frozen=True)
class Money:
    """What a day costs, in dollars at the prices above; storage is what the day's recordings cost in a month."""

    core_hours: float
    cores: float
    s3_requests: float
    s3_month: float


def money_of(average: Mapping[str, float], volume: int, worker_hours: float) -> Money:
    """Return what a day of `volume` recordings costs, the workers' hours as simulated."""
    accepting_s = average["CPU s, gateway"] + average["CPU s, ingest"]
    core_hours = worker_hours + volume * accepting_s / BUSY_ON_AVERAGE / 3600
    return Money(
        core_hours=core_hours,
        cores=core_hours * CORE_HOUR,
        s3_requests=volume * (average["S3 writes"] * S3_WRITE + average["S3 reads"] * S3_READ),
        s3_month=volume * average["S3 bytes stored"] / 1e9 * S3_GB_MONTH,
    )


def money_table(found: Mapping[int, Money]) -> list[str]:
    """Return the lines of a Markdown table."""
    lines = ["| recordings a day | core hours a day | $ a day for them | $ a day for S3 requests |"]
    lines[0] += " $ a month for keeping one day |"
    lines.append("|---:|---:|---:|---:|---:|")
    for volume, money in found.items():
        values = (money.core_hours, money.cores, money.s3_requests, money.s3_month)
        lines.append(f"| {volume:,} | {' | '.join(_short(value) for value in values)} |")
    return lines


def service_cpu_s(average: Mapping[str, float]) -> float:
    """Return the CPU time of our four services for one recording."""
    return sum(average[f"CPU s, {name}"] for name in SERVICES)


def recordings_a_day(average: Mapping[str, float], nodes: int) -> float:
    """Return how many recordings nodes of nothing but our services carry."""
    return nodes * CORES_OF_A_NODE * BUSY_ON_AVERAGE * DAY_S / service_cpu_s(average)


def _kind(row: Mapping[str, Any]) -> Kind:
    # What is smaller than what idling differs by can come out below zero.
    each = {name: max(value, 0.0) for name, value in row["each"].items()}
    return Kind(row["kind"], row["audio_s"], row["size_bytes"], each, row["peak_mb"])


def _short(value: float) -> str:
    if value >= 1000 or value == 0:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"
