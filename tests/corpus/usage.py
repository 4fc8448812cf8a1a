"""What the services cost, in CPU seconds and in memory, read from /proc (proc(5))."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.procfs import PROC, living_processes
from deploy.local.services import Service

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_KB_PER_MB = 1000
# Written there, the process's highest memory begins anew.
_RESET_PEAK = "5"


@dataclass(frozen=True)
class Usage:
    """What was used between two moments.

    cpu_s      of all services and their children together
    peak_mb    of the one process that had most
    growth_mb  of the one that grew most; a new child grew by all that it has
    """

    cpu_s: float
    peak_mb: float
    growth_mb: float


class Gauge:
    """Measures between `start` and `read`."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        self._leaders = {service.process.pid for service in services.values()}
        self._cpu_s = 0.0
        self._had_mb: dict[str, float] = {}

    def start(self) -> None:
        """Forget what was used so far."""
        for process in self._processes():
            with contextlib.suppress(OSError):
                (process / "clear_refs").write_text(_RESET_PEAK)
        self._cpu_s = self._used_s()
        self._had_mb = {process.name: _memory_mb(process, "VmRSS:") for process in self._processes()}

    def read(self) -> Usage:
        """Return what was used since; a child that has ended counts for its parent's CPU, not for the peak."""
        peaks_mb = {process.name: _memory_mb(process, "VmHWM:") for process in self._processes()}
        grown_mb = (peak - self._had_mb.get(name, 0.0) for name, peak in peaks_mb.items())
        return Usage(self._used_s() - self._cpu_s, max(peaks_mb.values()), max(grown_mb))

    def pids(self) -> set[int | None]:
        """Return the services' own processes that are alive."""
        return {int(process.name) for process in self._processes()} & self._leaders

    def _used_s(self) -> float:
        return sum(_cpu_s(process) for process in self._processes())

    def _processes(self) -> Iterator[Path]:
        # Each service leads a session, in which its children are; those of the bulk lane may have left it.
        living = list(living_processes())
        ours = {each.pid for each in living if each.session in self._leaders}
        for each in living:
            if each.pid in ours or _parent(each.pid) in ours:
                yield PROC / str(each.pid)


def _parent(pid: int) -> int:
    fields = _stat(PROC / str(pid))
    return int(fields[1]) if fields else 0


def _cpu_s(process: Path) -> float:
    fields = _stat(process)
    return sum(map(int, fields[11:15])) / _TICKS_PER_S if fields else 0.0


def _stat(process: Path) -> list[str]:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _memory_mb(process: Path, name: str) -> float:
    try:
        status = (process / "status").read_text()
    except OSError:
        return 0.0
    found = status.partition(name)[2].split()
    return int(found[0]) / _KB_PER_MB if found else 0.0
