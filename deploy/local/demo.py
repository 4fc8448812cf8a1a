"""Show the whole thing: recordings go in through the public door, pictures and features come out."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from client import AsyncClient, Credentials
from client.unfinished import UnfinishedUploads

from .access import Access
from .chorus import synthesize_chorus
from .display import Display, display_on
from .errors import RecordingMissingError
from .journey import Guide, Journey
from .summary import print_summary

PARALLEL_UPLOADS = 4
# Outside a terminal there is no width to respect, and a wrapped table is hard to read.
PLAIN_WIDTH = 160


def run_demo(access: Access, recordings: Sequence[Path], output: Path) -> int:
    """Send the recordings, show what comes of them, and return the exit code: 0 when all completed."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=PLAIN_WIDTH)
    with display_on(console) as display:
        journeys = asyncio.run(_travel_together(access, recordings, output, display))
    print_summary(console, journeys)
    return 0 if all(journey.is_complete for journey in journeys) else 1


def chosen_recordings(paths: Sequence[Path], output: Path) -> Sequence[Path]:
    """Return `paths`, or a synthesized chorus when there are none; raises `RecordingMissingError`."""
    for path in paths:
        if not path.is_file():
            raise RecordingMissingError(path)
    if paths:
        return paths
    output.mkdir(parents=True, exist_ok=True)
    sample = output / "dawn-chorus.flac"
    print(f"No FILE was given: a new dawn chorus is synthesized into {sample}")
    # A new seed each time: the stack recognizes bytes that it has seen, and would have no work to show.
    synthesize_chorus(sample, seed=secrets.randbits(32))
    return [sample]


def output_names(paths: Sequence[Path]) -> list[str]:
    """Return a name for each recording's images: its stem, or where two share it, its whole name."""
    stems = Counter(path.stem for path in paths)
    return [path.stem if stems[path.stem] == 1 else path.name for path in paths]


async def _travel_together(
    access: Access, recordings: Sequence[Path], output: Path, display: Display
) -> Sequence[Journey]:
    slots = asyncio.Semaphore(PARALLEL_UPLOADS)

    async def in_turn(guide: Guide, path: Path, name: str) -> Journey:
        async with slots:
            return await guide.lead(path, name)

    async with AsyncClient(Credentials(access.url, access.api_key)) as client, asyncio.TaskGroup() as tasks:
        guide = Guide(client, UnfinishedUploads(access.url), display, output, tasks)
        named = zip(recordings, output_names(recordings), strict=True)
        going = [tasks.create_task(in_turn(guide, path, name)) for path, name in named]
    return [task.result() for task in going]
