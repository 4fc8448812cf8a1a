"""Recordings for tests: the shared real ones, tones, and either of them in any codec."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.muxing import Signal, mux

__all__ = [
    "REPOSITORY",
    "Signal",
    "encode",
    "recordings",
    "recordings_folder",
    "tone",
    "transcode",
    "wav_bytes",
    "write",
]

REPOSITORY = Path(__file__).resolve().parents[1]
_CODECS = {
    ".mp3": "libmp3lame",
    ".m4a": "aac",
    ".mp4": "aac",
    ".mka": "aac",
    ".aac": "aac",
    ".opus": "libopus",
    ".webm": "libopus",
    ".flac": "flac",
    ".alac": "alac",
    ".mov": "alac",
}
_FORMATS = {".aac": "adts", ".alac": "ipod"}


def recordings_folder() -> Path:
    """Return the folder of real recordings: `DAWNCHORUS_AUDIO`, or `shared/audio` beside the repository."""
    return Path(os.environ.get("DAWNCHORUS_AUDIO") or REPOSITORY.parent / "shared" / "audio")


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of real recordings; without it tests are skipped, but fail in CI, where it must be there."""
    folder = recordings_folder()
    if folder.is_dir():
        return folder
    reason = f"no recordings in {folder}; set DAWNCHORUS_AUDIO"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def tone(
    frequency_hz: float = 1000.0,
    *,
    duration_s: float = 1.0,
    rate_hz: int = 44_100,
    level: float = 0.5,
    channels: int = 1,
) -> Signal:
    """Return a sine, (n, channels) float32."""
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    sine = (level * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)
    return np.repeat(sine[:, None], channels, axis=1)


def write(target: Path, samples: Signal, rate_hz: int = 44_100, subtype: str | None = None) -> Path:
    """Write what libsndfile writes: WAV, FLAC, OGG Vorbis, AIFF, W64, by the suffix of `target`."""
    soundfile.write(target, samples, rate_hz, subtype=subtype)
    return target


def wav_bytes(samples: Signal, rate_hz: int = 44_100) -> bytes:
    """Return a WAV file of 16 bits."""
    target = io.BytesIO()
    soundfile.write(target, samples, rate_hz, format="WAV")
    return target.getvalue()


def encode(target: Path, samples: Signal, rate_hz: int = 44_100) -> Path:
    """Encode (n, channels) in [-1, 1] as MP3, M4A, MP4, MOV, Matroska, ADTS, ALAC, Opus, WebM or FLAC, by suffix."""
    return mux(target, [samples], rate_hz, codec=_CODECS[target.suffix], container=_FORMATS.get(target.suffix))


def transcode(source: Path, target: Path) -> Path:
    """Encode a recording that libsndfile reads in the codec that the suffix of `target` says."""
    samples, rate_hz = soundfile.read(source, dtype="float32", always_2d=True)
    return encode(target, samples, rate_hz)
