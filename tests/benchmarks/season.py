"""Send a season of recordings through the whole stack, then backfill one extractor; write build/bench/season.json.

    python -m tests.benchmarks.season [--count 50]

Real recordings, their transcodes and synthesized choruses go in by the bulk lane, four uploads at once. The figures are
recordings and audio per minute from the first upload to the last result: images, with tiles, and every default
extractor. Then an extractor of another package is asked for on all of them. Client, gateway, services and servers
share the machine. Ends with 1 when a recording failed, or when the backfill changed what it was not asked for.
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import soundfile

from contracts.vocabulary import Lane
from deploy.local.chorus import synthesize_chorus
from deploy.local.servers import running_servers
from tests.audio import REPOSITORY, recordings_folder, transcode
from tests.system import System, running_system
from tests.third_party import install

REPORT = REPOSITORY / "build" / "bench" / "season.json"
# Of the package in tests/third_party.
BACKFILLED = "ticks"
_UPLOADS_AT_ONCE = 4
_WITHIN_S = 1200.0
_NOT_SENT = frozenset({"empty_2c.wav"})
_TRANSCODES = (".flac", ".mp3", ".m4a", ".opus")


@dataclass(frozen=True, slots=True)
class Season:
    """What became of the recordings.

    ended          recordings by state
    wall_s         from the first upload to the last result
    extractors     results of extractors, and how many of them failed
    backfilled     results added; `changed` counts results of other extractors that are not what they were
    load           the machine's load average before; above 0.5, others work on it
    """

    recordings: int
    audio_s: float
    ended: dict[str, int]
    wall_s: float
    recordings_per_minute: float
    audio_s_per_s: float
    extractors: int
    extractors_failed: int
    planned_cost_s: float
    backfilled: int
    backfill_wall_s: float
    changed: int
    load: float


def season(folder: Path) -> Iterator[Path]:
    """Yield recordings: the real ones, then by turns a chorus and a transcode of a real one."""
    real = sorted(path for path in recordings_folder().rglob("*.*") if path.suffix in {".wav", ".flac", ".ogg", ".mp3"})
    kept = [path for path in real if path.name not in _NOT_SENT]
    yield from kept
    # What every codec takes, and long enough to be a recording.
    sources = [path for path in kept if path.suffix == ".wav" and _fits_every_codec(soundfile.info(path))]
    for seed in range(1000):
        chorus = folder / f"chorus_{seed}.flac"
        synthesize_chorus(chorus, seed=100 + seed)
        yield chorus
        source, suffix = sources[seed % len(sources)], _TRANSCODES[seed % len(_TRANSCODES)]
        yield transcode(source, folder / f"{source.stem}_{seed}{suffix}")


def different(paths: Iterable[Path]) -> Iterator[Path]:
    """Leave out what has the content of another: the same bytes are the same recording."""
    seen: set[bytes] = set()
    for path in paths:
        content = hashlib.sha256(path.read_bytes()).digest()
        if content not in seen:
            seen.add(content)
            yield path


def _fits_every_codec(info: Any) -> bool:
    return bool(info.duration > 1 and info.samplerate in {22_050, 44_100, 48_000})


def measured(system: System, sent: list[Path]) -> Season:
    """Send all, wait for all, backfill, compare."""
    load, started = os.getloadavg()[0], time.monotonic()
    with ThreadPoolExecutor(_UPLOADS_AT_ONCE) as uploading:
        ids = list(uploading.map(lambda path: _upload(system, path), sent))
    found = [system.ended(each, within_s=_WITHIN_S) for each in ids]
    wall_s = time.monotonic() - started
    before = {each: _entries(system, each) for each in ids}
    planned = system.client.get(f"/v1/extractors/{BACKFILLED}/backfill").json()
    after, backfill_wall_s = _backfilled(system, ids)
    audio_s = sum(each["audio"]["duration_decoded_s"] for each in found)
    entries = [entry for each in before.values() for entry in each.values()]
    return Season(
        recordings=len(ids),
        audio_s=audio_s,
        ended=dict(Counter(each["status"] for each in found)),
        wall_s=wall_s,
        recordings_per_minute=60 * len(ids) / wall_s,
        audio_s_per_s=audio_s / wall_s,
        extractors=len(entries),
        extractors_failed=sum(not entry["success"] for entry in entries),
        planned_cost_s=planned["cost_s"],
        backfilled=sum(BACKFILLED in each for each in after.values()),
        backfill_wall_s=backfill_wall_s,
        changed=sum(after[each].get(name) != entry for each in ids for name, entry in before[each].items()),
        load=load,
    )


def _upload(system: System, path: Path) -> str:
    answer = system.upload(path, lane=Lane.BULK)
    answer.raise_for_status()
    return str(answer.json()["id"])


def _backfilled(system: System, ids: list[str]) -> tuple[dict[str, dict[str, Any]], float]:
    started = time.monotonic()
    system.client.post(f"/v1/extractors/{BACKFILLED}/backfill").raise_for_status()
    for each in ids:
        system.until(lambda each=each: BACKFILLED in _entries(system, each), within_s=_WITHIN_S)  # type: ignore[misc]
    return {each: _entries(system, each) for each in ids}, time.monotonic() - started


def _entries(system: System, recording_id: str) -> dict[str, Any]:
    """Return the manifest's entries by extractor, as they stand there."""
    manifest = system.client.get(f"/v1/recordings/{recording_id}/analysis").json()
    return {entry["name"]: entry for entry in manifest["extractors"]}


def main() -> int:
    """Start the stack, measure, stop it; print the figures."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--count", type=int, default=50, help="recordings")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="dawnchorus-bench-") as scratch:
        folder = Path(scratch)
        sent = list(islice(different(season(folder)), options.count))
        extra = {"PYTHONPATH": str(install(folder / "site"))}
        with running_servers(folder / "servers") as servers, running_system(folder, servers, extra) as system:
            figures = asdict(measured(system, sent))
    for name, value in figures.items():
        sys.stdout.write(f"{name:24}{value:.4g}\n" if isinstance(value, float) else f"{name:24}{value}\n")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(figures, indent=1))
    sys.stdout.write(f"\nWritten: {REPORT.relative_to(REPOSITORY)}\n")
    all_ended = set(figures["ended"]) == {"completed"} and figures["backfilled"] == figures["recordings"]
    return 0 if all_ended and not figures["changed"] and not figures["extractors_failed"] else 1


if __name__ == "__main__":
    sys.exit(main())
