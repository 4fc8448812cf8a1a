"""A day of arrivals with its ups and downs, through the queues of both workers and their autoscalers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .autoscaling import Autoscaler, Scaling
from .model import DAY_S, MIX, WORKERS, Kind
from .queueing import Run, Seconds, simulate

# Most is sent in the afternoon; one twentieth of the day comes within ten minutes, from memory cards brought home.
SWING = 0.8
BUSIEST_S = 15 * 3600.0
CARDS_SHARE, CARDS_AT_S, CARDS_LAST_S = 0.05, 9 * 3600.0, 600.0
# How much the same kind of recording differs in what it costs, as the deviation of its logarithm.
SPREAD = 0.25
# More than that many a day are so many systems side by side, each with queues of its own.
CELL = 1_000_000


@dataclass(frozen=True)
class Day:
    """One worker's day in one cell.

    cells   how many such systems there are side by side
    """

    worker: str
    volume: int
    cells: int
    scaling: Scaling
    arrivals_s: Seconds
    service_s: float
    run: Run

    @property
    def replica_hours(self) -> float:
        return self.cells * self.run.slot_s / 3600

    @property
    def fixed_replica_hours(self) -> float:
        """Return what the most replicas of the day would cost if they were there all day."""
        return self.cells * float(self.run.slots.max()) * 24


def days(found: Mapping[str, Kind], volumes: Sequence[int], *, seed: int = 1) -> list[Day]:
    """Let a day pass for each volume of recordings; cells of one size have the same day."""
    simulated: dict[int, list[Day]] = {}
    for volume in volumes:
        size = min(volume, CELL)
        if size not in simulated:
            simulated[size] = _cell(found, size, np.random.default_rng(seed))
    return [
        replace(day, volume=volume, cells=max(1, volume // CELL))
        for volume in volumes
        for day in simulated[min(volume, CELL)]
    ]


def arrivals(random: np.random.Generator, count: int) -> Seconds:
    """Return when recordings come, (n,) ascending: a Poisson process whose rate swings over the day, and the cards."""
    expected = (1 - CARDS_SHARE) * count
    offered = random.uniform(0, DAY_S, random.poisson(expected * (1 + SWING)))
    rate = 1 + SWING * np.cos(2 * np.pi * (offered - BUSIEST_S) / DAY_S)
    spread = offered[random.uniform(0, 1 + SWING, len(offered)) < rate]
    cards = CARDS_AT_S + random.uniform(0, CARDS_LAST_S, random.poisson(CARDS_SHARE * count))
    return np.sort(np.concatenate([spread, cards]))


def day_table(found: list[Day]) -> list[str]:
    """Return the lines of a Markdown table, one for each worker's day."""
    lines = ["| recordings a day | worker | s each | replicas | highest backlog | wait p50 s | p99 s | longest s |"]
    lines[0] += " replica hours | of fixed ones |"
    lines.append("|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for day in found:
        p50_s, p99_s = np.quantile(day.run.waits_s, [0.5, 0.99])
        replicas = f"{day.run.slots.min()} to {day.run.slots.max()}"
        waits = f"{p50_s:.1f} | {p99_s:.0f} | {day.run.waits_s.max():.0f}"
        cells = f" × {day.cells}" if day.cells > 1 else ""
        cost = f"{day.replica_hours:,.0f} | {day.replica_hours / day.fixed_replica_hours:.0%}"
        lines.append(
            f"| {day.volume:,} | {day.worker} | {day.service_s:.2f} | {replicas}{cells} | "
            f"{day.run.backlog.max():,}{cells} | {waits} | {cost} |"
        )
    return lines


def _cell(found: Mapping[str, Kind], size: int, random: np.random.Generator) -> list[Day]:
    arrivals_s = arrivals(random, size)
    names = random.choice(list(MIX), size=len(arrivals_s), p=list(MIX.values()))
    return [_day(found, worker, arrivals_s, names, random) for worker in WORKERS]


def _day(
    found: Mapping[str, Kind],
    worker: str,
    arrivals_s: Seconds,
    names: np.ndarray[tuple[int], np.dtype[np.str_]],
    random: np.random.Generator,
) -> Day:
    means_s = {kind: found[kind].each[f"cpu_s.{worker}"] for kind in MIX}
    services_s = np.array([means_s[name] for name in names]) * random.lognormal(-(SPREAD**2) / 2, SPREAD, len(names))
    mean_s = float(services_s.mean())
    busy = len(arrivals_s) / DAY_S * mean_s
    # Room for four times the average: the afternoon's peak, and the cards within a quarter of an hour.
    scaling = Scaling(fewest=1, most=max(4, round(4 * busy)))
    run = simulate(arrivals_s, services_s, Autoscaler(scaling), DAY_S)
    return Day(worker, len(arrivals_s), 1, scaling, arrivals_s, mean_s, run)
