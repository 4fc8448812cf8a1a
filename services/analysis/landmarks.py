"""Landmarks: pairs of spectral peaks that survive coding, noise and cutting (Wang, ISMIR 2003)."""

import struct
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from chassis.compiled import compiled
from contracts.fingerprint import (
    ANCHOR_SHIFT,
    BINS_APART_MAX,
    BINS_APART_OFFSET,
    BINS_APART_SHIFT,
    FORMAT_VERSION,
    FRAMES_APART_MAX,
    MAGIC,
)

from .shared import Floats

Integers = NDArray[np.int32]
Landmarks = NDArray[np.uint32]

# A peak is the highest cell within so many frames and bins of it: a quarter of a second and 170 Hz at 22,050 Hz.
PEAK_FRAMES = 10
PEAK_BINS = 16
# Of the peaks within so many frames of each other, the most prominent are kept: at most 15 a second, and some 8.
CROWD_FRAMES = 16
CROWD_MAX = 6
# Each peak is paired with so many that follow it.
PARTNERS = 3
# Below are rumble and hum, and above 1023 a bin has no room in ten bits.
_LOWEST_BIN = 8
_BINS = 1024

_FRAMES_AT_ONCE = 128
_NEIGHBOURHOOD = np.ones((2 * PEAK_FRAMES + 1, 2 * PEAK_BINS + 1), dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class Peaks:
    """Spectral peaks in the order of time.

    frame, bin   (k,) int32
    prominence   (k,) float32: the power over the mean power around it
    """

    frame: Integers
    bin: Integers
    prominence: Floats

    def chosen(self, which: NDArray[np.bool_] | slice) -> "Peaks":
        """Return some of the peaks, (k,) bool or a slice."""
        return Peaks(self.frame[which], self.bin[which], self.prominence[which])


_NO_PEAKS = Peaks(np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32))


class PeakPicker:
    """Finds the peaks of a spectrogram that arrives in blocks; the result does not depend on the blocks."""

    def __init__(self) -> None:
        """Start before the first frame."""
        self._power: Floats = np.empty((0, _BINS - _LOWEST_BIN), dtype=np.float32)
        self._heard: NDArray[np.bool_] = np.empty(0, dtype=np.bool_)
        self._first_frame = 0
        self._searched = 0
        self.decided = 0
        self._undecided = _NO_PEAKS

    def push(self, power: Floats, heard: NDArray[np.bool_]) -> Peaks:
        """Take the next frames: (k, 1025) float32, and whether there is a sound in each, (k,).

        Return the peaks up to the frame `decided`, from there on which more are to come; not too many at any time.
        """
        if not len(power):
            return _NO_PEAKS
        self._power = np.concatenate([self._power, power[:, _LOWEST_BIN:_BINS]])
        self._heard = np.concatenate([self._heard, heard])
        end_frame = self._first_frame + len(self._power) - PEAK_FRAMES
        if end_frame - self._searched < _FRAMES_AT_ONCE:
            return _NO_PEAKS
        self._search(end_frame)
        return self._thinned_out(end_frame - CROWD_FRAMES)

    def finish(self) -> Peaks:
        """Return the peaks that are left."""
        end_frame = self._first_frame + len(self._power)
        self._search(end_frame)
        return self._thinned_out(end_frame)

    def _search(self, end_frame: int) -> None:
        if end_frame <= self._searched:
            return
        if self._heard.any():
            highest = cv2.dilate(self._power, _NEIGHBOURHOOD)
            around = cv2.blur(self._power, _NEIGHBOURHOOD.shape[::-1])
            wanted = slice(self._searched - self._first_frame, end_frame - self._first_frame)
            power = self._power[wanted]
            is_peak = (power >= highest[wanted]) & (power > 0) & self._heard[wanted, np.newaxis]
            frame, bins = np.nonzero(is_peak)
            prominence = power[is_peak] / around[wanted][is_peak]
            found = Peaks((frame + self._searched).astype(np.int32), (bins + _LOWEST_BIN).astype(np.int32), prominence)
            self._undecided = _joined([self._undecided, found])
        self._searched = end_frame
        passed = max(0, end_frame - PEAK_FRAMES - self._first_frame)
        self._power, self._heard = self._power[passed:], self._heard[passed:]
        self._first_frame += passed

    def _thinned_out(self, end_frame: int) -> Peaks:
        """Decide on the peaks before `end_frame`, whose neighbours are all known."""
        stays = _stand_out(self._undecided.frame, self._undecided.prominence)
        new = (self._undecided.frame >= self.decided) & (self._undecided.frame < end_frame)
        decided = self._undecided.chosen(stays & new)
        self.decided = max(self.decided, end_frame)
        self._undecided = self._undecided.chosen(self._undecided.frame >= self.decided - CROWD_FRAMES)
        return decided


class PeakJoiner:
    """Joins each peak with the next few that are at most 63 frames and 127 bins away: these pairs are landmarks.

    A landmark is the frame of its earlier peak, and what is heard there, as `contracts.fingerprint` has it.
    """

    def __init__(self) -> None:
        """Start before the first peak."""
        self._waiting = _NO_PEAKS

    def push(self, peaks: Peaks, *, decided: int) -> Landmarks:
        """Take the next peaks, after which none before the frame `decided` comes; return landmarks, (n, 2) uint32."""
        self._waiting = _joined([self._waiting, peaks])
        return self._joined_up_to(int(np.searchsorted(self._waiting.frame, decided - FRAMES_APART_MAX)))

    def finish(self, peaks: Peaks) -> Landmarks:
        """Return the landmarks that are left with the last peaks."""
        self._waiting = _joined([self._waiting, peaks])
        return self._joined_up_to(len(self._waiting.frame))

    def _joined_up_to(self, anchors: int) -> Landmarks:
        landmarks = np.empty((PARTNERS * anchors, 2), dtype=np.uint32)
        count = _join(self._waiting.frame, self._waiting.bin, anchors, landmarks)
        self._waiting = self._waiting.chosen(slice(anchors, None))
        return landmarks[:count]


def fingerprint_header(landmarks: int, rate_hz: int) -> bytes:
    """Return what goes before so many landmarks in the form of `contracts.fingerprint`."""
    return MAGIC + struct.pack("<III", FORMAT_VERSION, rate_hz, landmarks)


def _joined(pieces: list[Peaks]) -> Peaks:
    return Peaks(
        np.concatenate([piece.frame for piece in pieces]),
        np.concatenate([piece.bin for piece in pieces]),
        np.concatenate([piece.prominence for piece in pieces]),
    )


def _stand_out(frame: Integers, prominence: Floats) -> NDArray[np.bool_]:
    stays = np.empty(len(frame), dtype=np.bool_)
    _count_crowds(frame, prominence, stays)
    return stays


@compiled("void(int32[::1], float32[::1], boolean[::1])")
def _count_crowds(frame: Integers, prominence: Floats, stays: NDArray[np.bool_]) -> None:
    first = 0
    for index in range(len(frame)):
        while frame[first] < frame[index] - CROWD_FRAMES:
            first += 1
        more_prominent = 0
        other = first
        while other < len(frame) and frame[other] <= frame[index] + CROWD_FRAMES:
            if prominence[other] > prominence[index] or (prominence[other] == prominence[index] and other < index):
                more_prominent += 1
            other += 1
        stays[index] = more_prominent < CROWD_MAX


@compiled("int64(int32[::1], int32[::1], int64, uint32[:,::1])")
def _join(frame: Integers, bins: Integers, anchors: int, landmarks: Landmarks) -> int:
    count = 0
    for anchor in range(anchors):
        partners = 0
        for other in range(anchor + 1, len(frame)):
            later = frame[other] - frame[anchor]
            higher = bins[other] - bins[anchor]
            if later > FRAMES_APART_MAX or partners == PARTNERS:
                break
            if later > 0 and abs(higher) <= BINS_APART_MAX:
                landmarks[count, 0] = frame[anchor]
                landmarks[count, 1] = (
                    (bins[anchor] << ANCHOR_SHIFT) | ((higher + BINS_APART_OFFSET) << BINS_APART_SHIFT) | later
                )
                count += 1
                partners += 1
    return count
