"""Which processes exist, read from /proc (proc(5))."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class ProcessStat:
    """What tells one process from another that had the same pid before."""

    pid: int
    session: int
    started_ticks: int
    is_dead: bool


def read_stat(pid: int) -> ProcessStat | None:
    """Return the process with this pid, or None when there is none."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in parentheses; it may hold spaces and parentheses.
    fields = text.rpartition(")")[2].split()
    # A zombie whose other threads still end holds its ports and files.
    is_dead = fields[0] in "ZX" and int(fields[17]) <= 1
    return ProcessStat(pid=pid, session=int(fields[3]), started_ticks=int(fields[19]), is_dead=is_dead)


def living_processes() -> Iterator[ProcessStat]:
    for folder in PROC.iterdir():
        stat = read_stat(int(folder.name)) if folder.name.isdigit() else None
        if stat is not None and not stat.is_dead:
            yield stat
