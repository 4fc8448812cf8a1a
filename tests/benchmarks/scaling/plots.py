"""The days of docs/scaling.md as one picture: what comes, who works, what waits."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from .days import Day
from .model import DAY_S, WORKERS

mpl.use("Agg")
from matplotlib import pyplot as plt

_BIN_S = 300.0
_COLOURS = {"spectrogram": "#4477aa", "analysis": "#cc6677"}


def draw(found: Sequence[Day], path: Path) -> None:
    """Draw one column for each volume: arrivals, replicas, backlog, over the hours of a day."""
    volumes = sorted({day.volume for day in found})
    figure, axes = plt.subplots(3, len(volumes), figsize=(4.0 * len(volumes), 6.6), sharex=True, layout="constrained")
    for column, volume in enumerate(volumes):
        of_volume = {day.load.worker: day for day in found if day.volume == volume}
        _arrivals(axes[0, column], of_volume[WORKERS[0]])
        for worker in WORKERS:
            _worker(axes[1:, column], of_volume[worker])
        axes[2, column].set_xlabel("hour of the day")
    for row, label in enumerate(("recordings a second", "replicas ready", "waiting and under way")):
        axes[row, 0].set_ylabel(label)
    for axis in axes[:2].flat:
        axis.set_ylim(bottom=0)
    axes[1, 0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _arrivals(axis: Any, day: Day) -> None:
    counts, edges = np.histogram(day.load.arrivals_s, bins=np.arange(0, DAY_S + _BIN_S, _BIN_S))
    axis.stairs(day.cells * counts / _BIN_S, edges / 3600, color="#444444")
    axis.set_title(f"{day.volume:,} a day", fontsize=10)
    axis.set_xlim(0, 24)


def _worker(axes: Any, day: Day) -> None:
    """Draw what is in five minutes as one point: the mean of the replicas, the highest of the backlog."""
    looks = round(_BIN_S / day.period_s)
    whole = len(day.run.at_s) // looks * looks
    hours, slots, backlog = (each[:whole].reshape(-1, looks) for each in (day.run.at_s, day.run.slots, day.run.backlog))
    axes[0].plot(
        hours[:, 0] / 3600, day.cells * slots.mean(axis=1), color=_COLOURS[day.load.worker], label=day.load.worker
    )
    axes[1].plot(hours[:, 0] / 3600, day.cells * np.maximum(backlog.max(axis=1), 0.5), color=_COLOURS[day.load.worker])
    axes[1].set_yscale("log")
