"""Progress while recordings are on their way: bars on a terminal, plain lines elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

Key = tuple[str, str]


class Display(Protocol):
    """Shows how far a part of the work on a recording is."""

    def show(self, name: str, part: str, stage: str, share: float) -> None:
        """Say that `part` ("upload", "spectrogram", "analysis") is in `stage`, with `share` of it done (0 to 1)."""


class Bars:
    """One bar per recording and part."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[Key, TaskID] = {}

    def show(self, name: str, part: str, stage: str, share: float) -> None:
        if (name, part) not in self._bars:
            self._bars[name, part] = self._progress.add_task(name, total=1.0, part=part, stage=stage)
        bar = self._bars[name, part]
        shown = max(share, self._progress.tasks[self._progress.task_ids.index(bar)].completed)
        self._progress.update(bar, completed=shown, stage=stage)


class Lines:
    """One line whenever a stage begins."""

    def __init__(self) -> None:
        self._stages: dict[Key, str] = {}

    def show(self, name: str, part: str, stage: str, share: float) -> None:
        if self._stages.get((name, part)) == stage:
            return
        self._stages[name, part] = stage
        print(f"{name}  {part:<11}  {stage:<10}  {share:4.0%}", flush=True)


@contextmanager
def display_on(console: Console) -> Iterator[Display]:
    if not console.is_terminal:
        yield Lines()
        return
    columns = (
        TextColumn("{task.description}"),
        TextColumn("[cyan]{task.fields[part]}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[stage]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        yield Bars(progress)
