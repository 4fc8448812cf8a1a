"""What the children of the pool's tests do."""

import os
import time
from pathlib import Path

from audio.errors import TooLongError
from chassis.progress import ProgressFile


def add(first: int, second: int) -> int:
    """Return the sum."""
    return first + second


def own_pid() -> int:
    """Return the child's process id."""
    return os.getpid()


def niceness() -> tuple[int, int | None]:
    """Return how nice the child is within its session, and its session where the kernel tells sessions apart."""
    group = Path("/proc/self/autogroup")
    told = group.read_text().split() if group.exists() else []
    return os.nice(0), int(told[-1]) if told else None


def die() -> None:
    """End the process as a crashing decoder does."""
    os._exit(11)


def refuse() -> None:
    """Find the recording impossible."""
    raise TooLongError(100.0, 90.0)


def hang(started: Path) -> None:
    """Say who works, then never come to an end."""
    started.write_text(str(os.getpid()))
    while True:
        time.sleep(60)


def swallow_memory(size_bytes: int) -> int:
    """Take so much memory."""
    return len(bytearray(size_bytes))


def report(progress: ProgressFile) -> None:
    """Note that three quarters are done."""
    progress.write(0.75)


_warmed: list[bool] = []


def warm_up() -> None:
    """Note that this process is warm."""
    _warmed.append(True)


def is_warm() -> bool:
    """Return whether this process was warmed up."""
    return bool(_warmed)


def warm_up_in_turn(folder: Path) -> None:
    """Note that this process is warm: at once as the first one, after a while as another."""
    try:
        (folder / "first").touch(exist_ok=False)
    except FileExistsError:
        time.sleep(1)
        (folder / "second").touch()


def warm_up_when_there(folder: Path) -> None:
    """Be warm when there is a file with the number of children that began before."""
    number = sum(path.name.startswith("began") for path in folder.iterdir())
    (folder / f"began-{number}").touch()
    while not (folder / str(number)).exists():
        time.sleep(0.01)
