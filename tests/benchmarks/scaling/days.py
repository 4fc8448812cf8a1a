"""A day of arrivals with its ups and downs, through the queues of both workers and their autoscalers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .autoscaling import Autoscaler, Scaling
from .model import DAY_S, MIX, WORKERS, Kind
from .queueing import Control, Fixed, Run, Seconds, simulate

# Most is sent in the afternoon; one twentieth of the day comes within ten minutes, from memory cards brought home.
SWING = 0.8
BUSIEST_S = 15 * 3600.0
CARDS_SHARE, CARDS_AT_S, CARDS_LAST_S = 0.05, 9 * 3600.0, 600.0
# How much the same kind of recording differs in what it costs, as the deviation of its logarithm.
SPREAD = 0.25
# More than that many a day are so many systems side by side, each with queues of its own.
CELL = 1_000_000


@dataclass(frozen=True)
class Load:
    """What comes to one worker in a day, and how long each takes."""

    worker: str
    arrivals_s: Seconds
    services_s: Seconds

    @property
    def busy(self) -> float:
        """Return how many replicas would be enough if it came evenly."""
        return float(self.services_s.sum()) / DAY_S


@dataclass(frozen=True)
class Day:
    """One worker's day in one cell.

    cells   how many such systems there are side by side
    """

    load: Load
    volume: int
    cells: int
    period_s: float
    run: Run

    @property
    def replica_hours(self) -> float:
        return self.cells * self.run.slot_s / 3600

    @property
    def fixed_replica_hours(self) -> float:
        """Return what the most replicas of the day would cost if they were there all day."""
        return self.cells * float(self.run.slots.max()) * 24


def days(found: Mapping[str, Kind], volumes: Sequence[int]) -> list[Day]:
    """Let a day pass for each volume of recordings; cells of one size have the same day."""
    simulated = {size: _cell(found, size) for size in {min(volume, CELL) for volume in volumes}}
    return [
        replace(day, volume=volume, cells=max(1, volume // CELL))
        for volume in volumes
        for day in simulated[min(volume, CELL)]
    ]


def loads(found: Mapping[str, Kind], size: int, *, seed: int = 1) -> list[Load]:
    """Return what comes to each worker on a day of `size` recordings."""
    random = np.random.default_rng(seed)
    arrivals_s = arrivals(random, size)
    names = random.choice(list(MIX), size=len(arrivals_s), p=list(MIX.values()))
    spread = random.lognormal(-(SPREAD**2) / 2, SPREAD, len(names))
    return [
        Load(worker, arrivals_s, spread * np.array([found[name].each[f"cpu_s.{worker}"] for name in names]))
        for worker in WORKERS
    ]


def passed(load: Load, control: Control) -> Day:
    """Let a day pass."""
    run = simulate(load.arrivals_s, load.services_s, control, DAY_S)
    return Day(load, len(load.arrivals_s), 1, control.period_s, run)


def as_the_chart_has_it(load: Load) -> Scaling:
    """Return the autoscaler's settings, with room for four times the average."""
    return Scaling(fewest=1, most=max(4, round(4 * load.busy)))


def variants(found: Mapping[str, Kind]) -> list[tuple[str, Day]]:
    """Return the analysis' day of a whole cell under other settings."""
    (load,) = (each for each in loads(found, CELL) if each.worker == "analysis")
    chart = as_the_chart_has_it(load)
    settings: dict[str, Control] = {
        "as above": Autoscaler(chart),
        "twice as many at most": Autoscaler(replace(chart, most=2 * chart.most)),
        "nodes in 60 s": Autoscaler(replace(chart, node_start_s=60)),
        "30 messages per replica": Autoscaler(replace(chart, backlog_per_replica=30)),
        "100 messages per replica": Autoscaler(replace(chart, backlog_per_replica=100)),
        "as many as ever, all day": Fixed(chart.most),
        "one and a half times the average, all day": Fixed(round(1.5 * load.busy)),
    }
    return [(name, passed(load, control)) for name, control in settings.items()]


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
        cells = f" × {day.cells}" if day.cells > 1 else ""
        each_s = f"{day.load.services_s.mean():.2f}"
        cost = f"{day.replica_hours:,.0f} | {day.replica_hours / day.fixed_replica_hours:.0%}"
        lines.append(
            f"| {day.volume:,} | {day.load.worker} | {each_s} | {_replicas(day)}{cells} | "
            f"{day.run.backlog.max():,}{cells} | {_waits(day)} | {cost} |"
        )
    return lines


def variant_table(found: Sequence[tuple[str, Day]]) -> list[str]:
    """Return the lines of a Markdown table, one for each variant."""
    lines = ["| | replicas | highest backlog | wait p50 s | p99 s | longest s | replica hours |"]
    lines.append("|---|---:|---:|---:|---:|---:|---:|")
    for name, day in found:
        lines.append(
            f"| {name} | {_replicas(day)} | {day.run.backlog.max():,} | {_waits(day)} | {day.replica_hours:,.0f} |"
        )
    return lines


def _replicas(day: Day) -> str:
    return f"{day.run.slots.min()} to {day.run.slots.max()}"


def _waits(day: Day) -> str:
    p50_s, p99_s = np.quantile(day.run.waits_s, [0.5, 0.99])
    return f"{p50_s:.1f} | {p99_s:.0f} | {day.run.waits_s.max():.0f}"


def _cell(found: Mapping[str, Kind], size: int) -> list[Day]:
    return [passed(load, Autoscaler(as_the_chart_has_it(load))) for load in loads(found, size)]
