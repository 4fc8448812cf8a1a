"""What is measured of the gateway: latencies of many requests, and what they cost it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.system import System

_TICK_MS = 10.0
_PAGE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Figure:
    """Latencies of one measure, in milliseconds.

    per_s   how many were answered in a second; None where they were not sent as fast as they were answered
    cpu_ms  CPU time of the gateway for each
    load    the machine's load average before it
    """

    measure: str
    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    load: float
    per_s: float | None = None
    cpu_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """The resident memory of a service while a large recording passes through it, in MB."""

    service: str
    size_mb: float
    before_mb: float
    highest_mb: float
    samples: int


def figure_of(
    measure: str, took_s: Sequence[float], load: float, *, per_s: float | None = None, cpu_ms: float | None = None
) -> Figure:
    """Return the figures of some latencies in seconds; percentiles by nearest rank."""
    ascending = sorted(1000 * each for each in took_s)
    p50_ms, p99_ms = (ascending[math.ceil(share * len(ascending)) - 1] for share in (0.5, 0.99))
    return Figure(measure, len(ascending), p50_ms, p99_ms, ascending[-1], load, per_s, cpu_ms)


def cpu_s(system: System, service: str) -> float:
    """Return the CPU time that a service's process has taken until now."""
    # proc(5): the name may hold spaces, and ends with the last parenthesis; user and system time are fields 14 and 15.
    fields = _proc(system, service, "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_MS / 1000


def resident_mb(system: System, service: str) -> float:
    """Return the resident memory of a service's process, without its children."""
    return int(_proc(system, service, "statm").split()[1]) * _PAGE_BYTES / 1e6


def table(figures: Sequence[Figure]) -> Iterator[str]:
    """Yield a Markdown table of latencies."""
    yield "| measure | count | p50 ms | p99 ms | slowest ms | per second | CPU ms each | load |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    for each in figures:
        latencies = f"{each.p50_ms:.1f} | {each.p99_ms:.1f} | {each.max_ms:.1f}"
        costs = f"{_or_dash(each.per_s, '.0f')} | {_or_dash(each.cpu_ms, '.1f')}"
        yield f"| {each.measure} | {each.count} | {latencies} | {costs} | {each.load:.1f} |"


def memory_table(memories: Sequence[Memory]) -> Iterator[str]:
    """Yield a Markdown table of memory."""
    yield "| service | passed through, MB | resident before, MB | highest meanwhile, MB | samples |"
    yield "|---|---:|---:|---:|---:|"
    for each in memories:
        yield f"| {each.service} | {each.size_mb:.0f} | {each.before_mb:.0f} | {each.highest_mb:.0f} | {each.samples} |"


def _proc(system: System, service: str, name: str) -> str:
    return Path(f"/proc/{system.services[service].process.pid}/{name}").read_text()


def _or_dash(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
