"""What clients send: real recordings, tones, one in several parts, and what is no recording."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.audio import recordings_folder, tone, transcode, write

REAL = (
    *("rugr_drum.wav", "spinetail.wav", "veryshort.wav", "voice.ogg", "short_no_metadata.wav", "stereo.wav"),
    *("silence_10s.mp3", "birds_10s.wav", "empty_2c.wav", "metadata.wav"),
)
TONES = 8
# Above the part size of the object store, so that S3 gets it in parts.
LARGE_S = 65.0


@dataclass(frozen=True)
class Content:
    """Bytes to send, and the name they are sent under."""

    name: str
    body: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


def contents(folder: Path) -> list[Content]:
    """Return everything that is sent, each with other bytes; always the same."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {each.sha256: each for each in (*_real(), *_tones(folder), _large(folder), *_refused(folder))}
    return list(found.values())


def _real() -> Iterator[Content]:
    folder = recordings_folder()
    return (Content(name, (folder / name).read_bytes()) for name in REAL if (folder / name).exists())


def _tones(folder: Path) -> Iterator[Content]:
    for number in range(TONES):
        duration_s = 1.0 + number % 4
        path = write(folder / f"tone-{number}.wav", tone(300.0 + 37 * number, duration_s=duration_s))
        if number % 2:
            path = transcode(path, folder / f"tone-{number}.flac")
        yield Content(path.name, path.read_bytes())


def _large(folder: Path) -> Content:
    noise = np.random.default_rng(6).normal(0, 0.1, (round(44_100 * LARGE_S), 2)).astype(np.float32)
    path = write(folder / "large.wav", noise, subtype="PCM_16")
    return Content(path.name, path.read_bytes())


def _refused(folder: Path) -> Iterator[Content]:
    yield Content("letter.wav", b"Dear Sir, this is no recording at all. " * 40)
    whole = write(folder / "whole.flac", tone(990.0, duration_s=3.0)).read_bytes()
    yield Content("cut.flac", whole[: len(whole) // 2])
    yield Content("header.flac", whole[:200])
