"""What an analysis holds does not grow with the recording, once every window and everything that is kept is full."""

import tracemalloc
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile

from audio.decode import AudioLimits
from audio.sniff import Container
from services.analysis import put_aside, series
from services.analysis.analyse import analyse
from services.analysis.plan import Plan
from services.analysis.settings import AnalysisSettings

from .signals import Floats, noise, sine

EXTRACTORS: tuple[str, ...] = AnalysisSettings.model_fields["extractors"].default
# The lowest rate that is analysed as music: frames are few, and minutes take seconds.
RATE_HZ = 8000
MINUTES = 12
# With small windows, what takes hours to fill is full after some minutes.
SMALL = {
    "spectral": {"window_frames": 512},
    "mfcc": {"window_s": 60.0},
    "tempo": {"window_s": 60.0, "listed_beats": 100},
    "onsets": {"window_s": 60.0, "listed_onsets": 100},
}
# Indices of minutes and tempos of windows are listed whole, 270 bytes a second here. What was kept before it was put
# aside, loudness blocks and landmarks, is 300 more, and a series of 64 bands 4000.
HELD_PER_S_MAX = 450


def test_what_is_held_does_not_grow_with_the_recording(tmp_path: Path) -> None:
    recording = _written(tmp_path / "long.wav")

    # Alone: what other threads hold is counted, too, and other tests leave some.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        held = alone.submit(_held_bytes, recording, tmp_path).result()

    third = len(held) // 3
    grown = min(held[2 * third :]) - min(held[third : 2 * third])
    assert grown < HELD_PER_S_MAX * 60 * MINUTES / 3


def _held_bytes(recording: Path, scratch: Path) -> list[int]:
    """Return what is held after every hundredth of the recording, where next to nothing is kept in memory."""
    series.KEPT_VALUES = 1
    series.KEPT_FRAMES_MIN = 1 << 10
    put_aside._IN_MEMORY_BYTES = 1
    plan = Plan(EXTRACTORS, SMALL, scratch=scratch)
    held: list[int] = []
    tracemalloc.start()
    try:
        found = analyse(
            recording,
            Container.WAV,
            AudioLimits(),
            plan,
            lambda _: held.append(tracemalloc.get_traced_memory()[0]),
        )
    finally:
        tracemalloc.stop()
    assert all(result.success for result in found.extractors)
    # The last is told when everything is given back.
    return held[:-1]


def _written(path: Path) -> Path:
    with soundfile.SoundFile(path, "w", RATE_HZ, 1) as file:
        for _ in range(MINUTES):
            file.write(_minute())
    return path


def _minute() -> Floats:
    notes = [sine(pitch_hz, duration_s=0.5, rate_hz=RATE_HZ) for pitch_hz in (220, 277, 330, 440) * 10]
    hiss = np.float32(0.1) * noise(duration_s=30, rate_hz=RATE_HZ)
    return np.concatenate([*notes, hiss, np.zeros(10 * RATE_HZ, dtype=np.float32)])
