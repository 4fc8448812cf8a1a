"""Two fingerprints compared: how much they share, and which part of one is which part of the other."""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contracts.fingerprint import FORMAT_VERSION, HEADER_BYTES, HOP, LOOKED_UP_BITS, LOOKED_UP_FACTOR, MAGIC

Integers = NDArray[np.int64]

# Fewer common landmarks than these, all different, are chance.
COMMON_MIN = 5
# A lower share of what is in the interval is chance, too.
SHARE_MIN = 0.05
# At a second place both must be more: the beats of one drum have landmarks in common.
_AGAIN = 2
# A longer time without a common landmark parts two intervals.
GAP_S = 5.0
# Landmarks that both recordings have again and again say little; those that repeat most are left out beyond this.
_PAIRS_MAX = 4_000_000
# A sound may be at several places of the other recording; no more of them than these are looked for.
_PLACES_MAX = 8
# Where frames of one recording lie half a frame beside the other's, a peak may come a frame earlier or later.
_FRAMES_ASIDE = 1


class MalformedFingerprintError(ValueError):
    """These bytes are no fingerprint of a version that is read here."""


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """Landmarks in the order of time.

    frame  (n,) int64: when, in frames of 512 samples
    heard  (n,) int64: what, 24 bits
    """

    rate_hz: int
    frame: Integers
    heard: Integers

    @property
    def frame_s(self) -> float:
        """Seconds per frame."""
        return HOP / self.rate_hz

    @property
    def looked_up(self) -> list[int]:
        """What is looked up of it, ascending: of the same sound, recordings have the same."""
        different = np.unique(self.heard)
        mixed = (different * LOOKED_UP_FACTOR) & 0xFFFFFFFF
        chosen: list[int] = different[mixed >> (32 - LOOKED_UP_BITS) == 0].tolist()
        return chosen


@dataclass(frozen=True)
class CommonInterval:
    """A part of one recording that is a part of another.

    landmarks  how many different ones both have in it
    share      those that both have, of all that the recording has in it that has fewer there
    """

    start_s: float
    end_s: float
    other_start_s: float
    other_end_s: float
    landmarks: int
    share: float


def read_fingerprint(content: bytes) -> Fingerprint:
    """Return what the bytes hold. Raises `MalformedFingerprintError`."""
    if len(content) < HEADER_BYTES or content[:4] != MAGIC:
        raise MalformedFingerprintError
    version, rate_hz, count = struct.unpack_from("<III", content, 4)
    if version != FORMAT_VERSION or len(content) != HEADER_BYTES + 8 * count or not rate_hz:
        raise MalformedFingerprintError
    pairs = np.frombuffer(content, dtype="<u4", offset=HEADER_BYTES).reshape(count, 2).astype(np.int64)
    return Fingerprint(rate_hz, pairs[:, 0], pairs[:, 1])


def common_intervals(one: Fingerprint, other: Fingerprint) -> list[CommonInterval]:
    """Return which parts of `one` are parts of `other`, in the order of time; none where they share no sound.

    Landmarks of one sound in both lie at one distance in time: the distances at which most agree are looked at.
    """
    if one.rate_hz != other.rate_hz:
        return []
    mine, theirs = _pairs(one, other)
    apart = other.frame[theirs] - one.frame[mine]
    found: list[CommonInterval] = []
    for place in range(_PLACES_MAX):
        if len(mine) < COMMON_MIN:
            break
        factor = _AGAIN if place else 1
        best = _commonest(apart)
        aligned = np.abs(apart - best) <= _FRAMES_ASIDE
        intervals = _intervals(one, other, np.unique(mine[aligned]), best, factor)
        if not intervals:
            break
        found += intervals
        # A landmark that lies in the same sound twice is counted once.
        left = ~np.isin(mine, mine[aligned])
        mine, apart = mine[left], apart[left]
    return sorted(found, key=lambda each: (each.start_s, each.other_start_s))


def _pairs(one: Fingerprint, other: Fingerprint) -> tuple[Integers, Integers]:
    """Return the indices of landmarks that are heard in both, every one of `one` with every one of `other`."""
    order = np.argsort(other.heard, kind="stable")
    heard = other.heard[order]
    first = np.searchsorted(heard, one.heard, side="left")
    counts = np.searchsorted(heard, one.heard, side="right") - first
    rarest = np.argsort(counts, kind="stable")
    used = np.sort(rarest[np.cumsum(counts[rarest]) <= _PAIRS_MAX])
    counts, first = counts[used], first[used]
    mine = np.repeat(used, counts)
    within = np.arange(len(mine)) - np.repeat(np.cumsum(counts) - counts, counts)
    return mine, order[np.repeat(first, counts) + within]


def _commonest(apart: Integers) -> int:
    different, counts = np.unique(apart, return_counts=True)
    near = counts.copy()
    for aside in (-_FRAMES_ASIDE, _FRAMES_ASIDE):
        place = np.searchsorted(different, different + aside)
        beside = np.minimum(place, len(different) - 1)
        near += np.where(different[beside] == different + aside, counts[beside], 0)
    return int(different[near.argmax()])


def _intervals(one: Fingerprint, other: Fingerprint, common: Integers, apart: int, factor: int) -> list[CommonInterval]:
    frames = one.frame[common]
    parted = np.flatnonzero(np.diff(frames) * one.frame_s > GAP_S) + 1
    found = [_interval(one, other, run, apart) for run in np.split(common, parted)]
    return [each for each in found if each.landmarks >= factor * COMMON_MIN and each.share >= factor * SHARE_MIN]


def _interval(one: Fingerprint, other: Fingerprint, common: Integers, apart: int) -> CommonInterval:
    first, last = int(one.frame[common[0]]), int(one.frame[common[-1]])
    here = _count(one, first, last)
    there = _count(other, first + apart - _FRAMES_ASIDE, last + apart + _FRAMES_ASIDE)
    different = len(np.unique(one.heard[common]))
    share = min(1.0, len(common) / min(here, there))
    start_s, end_s, aside_s = first * one.frame_s, (last + 1) * one.frame_s, apart * one.frame_s
    return CommonInterval(start_s, end_s, max(0.0, start_s + aside_s), end_s + aside_s, different, share)


def _count(fingerprint: Fingerprint, first: int, last: int) -> int:
    begin, end = np.searchsorted(fingerprint.frame, [first, last + 1])
    return max(1, int(end - begin))
