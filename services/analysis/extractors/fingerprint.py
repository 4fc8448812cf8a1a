"""A fingerprint that finds the same sound again in other recordings, re-encoded, cut, or beside other sounds."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import ClassVar

import numpy as np

from contracts.fingerprint import MEDIA_TYPE
from services.analysis.landmarks import (
    CROWD_FRAMES,
    CROWD_MAX,
    PARTNERS,
    PEAK_BINS,
    PEAK_FRAMES,
    Landmarks,
    PeakJoiner,
    PeakPicker,
    fingerprint_header,
)
from services.analysis.measures import Payload, Reason, absent, measured
from services.analysis.music_heard import MusicHeard
from services.analysis.put_aside import PutAside
from services.analysis.shared import HOP, Input, SharedBlock, music_rate_hz

from .protocol import Device
from .settings import MusicSettings


@dataclass(frozen=True)
class FingerprintFamily(MusicSettings):
    """Settings of the fingerprint extractor.

    Landmarks as in Wang, "An Industrial-Strength Audio Search Algorithm" (ISMIR 2003): pairs of spectral peaks of
    the music at 22,050 Hz. A peak is the highest power within `peak_frames` and `peak_bins`; of those within
    `crowd_frames` of each other, the `crowd_max` most prominent are kept, each paired with the `partners` that follow.
    A recording below 22,050 Hz is compared with recordings of its own rate.
    """

    peak_frames: int = field(default=PEAK_FRAMES, init=False)
    peak_bins: int = field(default=PEAK_BINS, init=False)
    crowd_frames: int = field(default=CROWD_FRAMES, init=False)
    crowd_max: int = field(default=CROWD_MAX, init=False)
    partners: int = field(default=PARTNERS, init=False)

    name: ClassVar[str] = "fingerprint"
    version: ClassVar[str] = "1"
    description: ClassVar[str] = "Landmarks by which re-encoded and overlapping recordings are found."
    needs: ClassVar[Input] = Input.MUSIC_SPECTRUM
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.0003

    def accumulator(self, *, rate_hz: int, channels: int) -> "FingerprintAccumulator":
        """Start on a recording."""
        return FingerprintAccumulator(music_rate_hz(rate_hz))


class FingerprintAccumulator:
    """Puts landmarks of 8 bytes aside, at most 46 and some 17 of them a second: 0.5 MB for an hour, 12 MB for a day."""

    media_type: ClassVar[str] = MEDIA_TYPE

    def __init__(self, rate_hz: int) -> None:
        """Start before the first frame of music at `rate_hz`."""
        self._rate_hz = rate_hz
        self._peaks = PeakPicker()
        self._joiner = PeakJoiner()
        self._landmarks = PutAside(np.uint32)
        self._heard = MusicHeard(rate_hz)
        self._frames = 0
        self._complete = False

    def add(self, block: SharedBlock) -> None:
        """Take the frames that the block completes."""
        self._frames += len(block.music.frames)
        self._heard.add(block)
        peaks = self._peaks.push(block.music.power, block.music.sounding)
        self._keep(self._joiner.push(peaks, decided=self._peaks.decided))

    def result(self) -> Payload:
        """Return how many landmarks there are, and how densely."""
        self._keep(self._joiner.finish(self._peaks.finish()))
        reason = self._heard.reason_for_nothing()
        if reason is None and not self._count:
            reason = Reason.TOO_SHORT
        if reason is not None:
            return {"landmarks": absent(reason, unit="landmarks"), "landmark_rate": absent(reason, unit="1/s")}
        self._complete = True
        duration_s = self._frames * HOP / self._rate_hz
        return {
            "landmarks": measured(self._count, unit="landmarks"),
            "landmark_rate": measured(self._count / duration_s, unit="1/s"),
        }

    def attachment(self) -> Iterator[bytes] | None:
        """Return the landmarks; None where there are none."""
        if not self._complete:
            return None
        pieces = (piece.astype("<u4").tobytes() for piece in self._landmarks.pieces())
        return chain([fingerprint_header(self._count, self._rate_hz)], pieces)

    @property
    def _count(self) -> int:
        return self._landmarks.count // 2

    def _keep(self, landmarks: Landmarks) -> None:
        self._landmarks.add(landmarks.ravel())
