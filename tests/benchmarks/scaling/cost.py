"""Measure what recordings cost: processor, memory, S3, MongoDB, messages; write build/bench/cost.json.

    python -m tests.benchmarks.scaling.cost [--clips 40] [--tracks 8] [--hours 1] [--keep]

Three kinds go by the bulk lane through a stack of its own: field clips of 10 s (WAV), tracks of three to four minutes
(MP3), whole hours (FLAC). Every counter is read before and after; what the idle stack does in the same time is taken
off. Images with tiles and every default extractor are made of each. With `--keep` the figures that the model of
docs/scaling.md uses are replaced by these.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pymongo
import soundfile

from contracts.documents import ANALYSES, SPECTROGRAMS
from contracts.vocabulary import Lane
from deploy.local.mongodb import DATABASE
from deploy.local.servers import running_servers
from deploy.local.waiting import wait_until
from tests.audio import REPOSITORY, encode, recordings_folder
from tests.benchmarks.lengthened import lengthened
from tests.counting import counting_door
from tests.image.looking import watched
from tests.system import running_system

from .readings import Stack, reading, sessions, settled_messages

REPORT = REPOSITORY / "build" / "bench" / "cost.json"
MEASURED = Path(__file__).with_name("measured.json")
CLIP, TRACK = "birds_10s.wav", "music_fast.ogg"
_TRACK_S = 200
_UPLOADS_AT_ONCE = 2
_IDLE_S = 20.0
_WITHIN_S = 1800.0
_LOOK_EVERY_S = 1.0
_RESULTS = (SPECTROGRAMS, ANALYSES)
_ENDED = {"state": {"$in": ["completed", "failed", "partial"]}}
# Not nice, because what others do on this machine would be in how long it takes; and an hour of FLAC is large.
_SETTINGS = {"DAWNCHORUS_BULK_NICENESS": "0", "DAWNCHORUS_MAX_UPLOAD_BYTES": "2000000000"}
# What a collection's first documents cost is not what the others do.
_WARM_UP = 10
# What something stores does not grow by itself; the clock is no cost.
_NOT_IDLE = ("s3.stored_bytes", "mongodb.data_bytes", "mongodb.index_bytes", "wall_s")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one recording of a kind cost, on average.

    each      every counter's growth for one of them, idling taken off
    peak_mb   the most memory each service and its children had, shared pages counted once
    idle_per_s  what the stack does in a second without any
    """

    kind: str
    recordings: int
    audio_s: float
    size_bytes: float
    each: dict[str, float]
    peak_mb: dict[str, float]
    idle_per_s: dict[str, float]
    load: float


def clips(folder: Path, count: int) -> Iterator[Path]:
    """Write clips that differ in one sample: the same bytes would be the same recording."""
    samples, rate_hz = soundfile.read(recordings_folder() / CLIP, dtype="int16")
    for number in range(count):
        changed = samples.copy()
        changed[number] ^= 1
        yield _written(
            folder / f"clip-{number}.wav", lambda path, changed=changed: soundfile.write(path, changed, rate_hz)
        )


def tracks(folder: Path, count: int) -> Iterator[Path]:
    """Write tracks that differ in length."""
    samples, rate_hz = soundfile.read(recordings_folder() / TRACK, dtype="float32", always_2d=True)
    for number in range(count):
        frames = (_TRACK_S + 5 * number) * rate_hz
        whole = np.resize(samples, (frames, samples.shape[1]))
        yield _written(folder / f"track-{number}.mp3", lambda path, whole=whole: encode(path, whole, rate_hz))


def hours(folder: Path, count: int) -> Iterator[Path]:
    """Write recordings of an hour and a few seconds."""
    for number in range(count):
        yield _written(
            folder / f"hour-{number}.flac", lambda path, more_s=number: lengthened(path, 3600 + more_s, 44_100)
        )


def costs(stack: Stack, kinds: Mapping[str, list[Path]]) -> Iterator[Cost]:
    """Send one kind after the other."""
    _sent(stack, kinds["clip"][:_WARM_UP])
    idle = _idle_per_s(stack)
    for kind, paths in {**kinds, "clip": kinds["clip"][_WARM_UP:]}.items():
        load = os.getloadavg()[0]
        before = _settled(stack)
        with watched(sessions(stack)) as peaks:
            ids, asked = _sent(stack, paths)
            peak_mb = peaks()
        after = _settled(stack)
        after["mongodb.command"] -= asked
        audio_s = sum(_audio_s(stack, each) for each in ids)
        each = {name: value / len(paths) for name, value in _growth(before, after, idle).items()}
        size_bytes = sum(path.stat().st_size for path in paths) / len(paths)
        yield Cost(kind, len(paths), audio_s / len(paths), size_bytes, each, peak_mb, idle, load)


def _written(path: Path, write: Callable[[Path], object]) -> Path:
    write(path)
    return path


def _idle_per_s(stack: Stack) -> dict[str, float]:
    before = _settled(stack)
    time.sleep(_IDLE_S)
    after = reading(stack)
    wall_s = after["wall_s"] - before["wall_s"]
    return {name: (after[name] - before.get(name, 0)) / wall_s for name in after if name not in _NOT_IDLE}


def _settled(stack: Stack) -> dict[str, float]:
    settled_messages(stack.servers)
    return reading(stack)


def _growth(
    before: Mapping[str, float], after: Mapping[str, float], idle_per_s: Mapping[str, float]
) -> dict[str, float]:
    wall_s = after["wall_s"] - before["wall_s"]
    grown = {name: value - before.get(name, 0) for name, value in after.items()}
    return {name: value - wall_s * idle_per_s.get(name, 0) for name, value in grown.items()}


def _sent(stack: Stack, paths: list[Path]) -> tuple[list[str], int]:
    """Send all, wait for all; return their ids, and how often MongoDB was asked for them."""
    with ThreadPoolExecutor(_UPLOADS_AT_ONCE) as uploading:
        answers = list(uploading.map(lambda path: stack.system.upload(path, lane=Lane.BULK), paths))
    ids = [answer.json()["id"] for answer in answers]
    asked = 0
    with pymongo.MongoClient(stack.servers.mongodb.url) as client:

        def have_ended() -> bool:
            nonlocal asked
            asked += len(_RESULTS)
            time.sleep(_LOOK_EVERY_S)
            found = [
                client[DATABASE][name].count_documents(_ENDED | {"recording_id": {"$in": ids}}) for name in _RESULTS
            ]
            return found == [len(ids)] * len(_RESULTS)

        if not wait_until(have_ended, timeout_s=_WITHIN_S):
            raise SystemExit("Not every recording ended.")
    return ids, asked


def _audio_s(stack: Stack, recording_id: str) -> float:
    found = stack.system.recording(recording_id)
    if found["status"] != "completed":
        raise SystemExit(f"A recording was not completed: {found}")
    return float(found["audio"]["duration_decoded_s"])


def _report(found: list[Cost]) -> None:
    names = sorted({name for each in found for name in each.each})
    for name in names:
        values = "".join(f"{each.each.get(name, 0):16,.3f}" for each in found)
        sys.stdout.write(f"{name:24}{values}\n")
    for name in found[0].peak_mb:
        sys.stdout.write(f"{f'peak_mb.{name}':24}{''.join(f'{each.peak_mb[name]:16,.0f}' for each in found)}\n")


def main() -> int:
    """Start a stack, measure the three kinds, print and keep the figures."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--clips", type=int, default=40)
    asked.add_argument("--tracks", type=int, default=8)
    asked.add_argument("--hours", type=int, default=1)
    asked.add_argument("--keep", action="store_true", help="let the model use these figures")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="dawnchorus-cost-") as scratch:
        folder = Path(scratch)
        kinds = {
            "clip": list(clips(folder, _WARM_UP + options.clips)),
            "track": list(tracks(folder, options.tracks)),
            "hour": list(hours(folder, options.hours)),
        }
        with running_servers(folder / "servers") as servers, counting_door(servers.s3.port) as door:
            extra = {"S3_ENDPOINT_URL": door.url, **_SETTINGS}
            with running_system(folder, servers, extra) as system:
                found = list(
                    costs(Stack(system, servers, door), {kind: paths for kind, paths in kinds.items() if paths})
                )
    _report(found)
    text = json.dumps([asdict(each) for each in found], indent=1)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    for path in (REPORT, MEASURED) if options.keep else (REPORT,):
        path.write_text(f"{text}\n")
        sys.stdout.write(f"Written: {path.relative_to(REPOSITORY)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
