"""A fingerprint finds a recording again when it was coded anew or cut, and says where; and never finds another."""

from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.analysis.extractors import EXTRACTORS
from services.analysis.extractors.fingerprint import FingerprintAccumulator
from services.analysis.shared import Input
from services.gateway.fingerprints import (
    CommonInterval,
    Fingerprint,
    MalformedFingerprintError,
    common_intervals,
    read_fingerprint,
)
from tests.audio import encode, recordings_folder

from .signals import Floats, decoded, load, noise, payload, shared_blocks, sine

LONG_ENOUGH = [
    "1min.wav",
    "audiomoth_gps.wav",
    "birds_10s.wav",
    "metadata.wav",
    "music_fast.ogg",
    "music_slow.ogg",
    "rugr_drum.wav",
    "snare_accelerate.ogg",
    "spinetail.wav",
    "voice.flac",
    *(
        f"night/S4A03895_20190522_{time}.wav"
        for time in (
            *("000000", "003000", "020000", "040000", "053000", "060000"),
            *("070000", "080000", "120000", "180000", "190000", "213000"),
        )
    ),
]
CODED = [
    "1min.wav",
    "birds_10s.wav",
    "music_fast.ogg",
    "music_slow.ogg",
    "rugr_drum.wav",
    "spinetail.wav",
    "voice.flac",
]


@pytest.mark.recordings
@pytest.mark.parametrize("suffix", [".mp3", ".m4a", ".opus"])
@pytest.mark.parametrize("name", CODED)
def test_a_recording_is_found_again_in_another_codec(recordings: Path, tmp_path: Path, name: str, suffix: str) -> None:
    samples, rate_hz = load(recordings / name)
    path = encode(tmp_path / f"other{suffix}", samples[:, np.newaxis], rate_hz)

    found = common_intervals(fingerprint_of(*decoded(path)), original(name))

    assert covered_s(found) > 0.5 * len(samples) / rate_hz
    # A decoder that keeps the encoder's delay shifts everything by less.
    assert all(abs(each.start_s - each.other_start_s) < 0.1 for each in found)


@pytest.mark.recordings
def test_two_codecs_of_one_voice_are_one_recording(recordings: Path) -> None:
    [found] = common_intervals(original("voice.ogg"), original("voice.flac"))

    assert found.share > 0.5


@pytest.mark.recordings
@pytest.mark.parametrize(
    "name", ["1min.wav", "metadata.wav", "snare_accelerate.ogg", "spinetail.wav", *LONG_ENOUGH[-12:]]
)
def test_a_cut_is_found_and_its_place_is_named(recordings: Path, name: str) -> None:
    samples, rate_hz = load(recordings / name)
    first, last = int(0.313 * len(samples)), int(0.813 * len(samples))

    found = common_intervals(fingerprint_of(samples[first:last], rate_hz), original(name))

    length_s = (last - first) / rate_hz
    assert covered_s(found) > 0.6 * length_s
    longest = max(found, key=lambda each: each.landmarks)
    assert longest.other_start_s - longest.start_s == pytest.approx(first / rate_hz, abs=0.05)
    for each in found:
        assert each.end_s - each.start_s == pytest.approx(each.other_end_s - each.other_start_s)
        assert 0 <= each.start_s < each.end_s <= length_s + 0.05


@pytest.mark.recordings
def test_an_overlap_in_a_longer_recording_of_other_sounds_is_found(recordings: Path) -> None:
    birds, rate_hz = load(recordings / "1min.wav")
    other, _ = load(recordings / "birds_10s.wav")
    one = np.concatenate([other, birds[: 30 * rate_hz]])
    two = np.concatenate([birds[20 * rate_hz : 50 * rate_hz], other])

    [first, second] = common_intervals(fingerprint_of(one, rate_hz), fingerprint_of(two, rate_hz))

    other_s = len(other) / rate_hz
    assert (first.start_s, first.end_s) == pytest.approx((0, other_s), abs=1.5)
    assert (first.other_start_s, first.other_end_s) == pytest.approx((30, 30 + other_s), abs=1.5)
    assert (second.start_s, second.end_s) == pytest.approx((other_s + 20, other_s + 30), abs=1.5)
    assert (second.other_start_s, second.other_end_s) == pytest.approx((0, 10), abs=1.5)


@pytest.mark.recordings
def test_no_recording_is_found_in_another(recordings: Path) -> None:
    pairs = list(combinations(LONG_ENOUGH, 2))

    assert len(pairs) == 231
    assert [pair for pair in pairs if common_intervals(original(pair[0]), original(pair[1]))] == []


def test_noise_is_not_found_in_other_noise() -> None:
    one, other = (fingerprint_of(noise(duration_s=60, seed=seed), 44_100) for seed in (1, 2))

    assert common_intervals(one, other) == []
    assert covered_s(common_intervals(one, one)) > 55


def test_the_landmarks_do_not_depend_on_the_blocks_that_they_come_in() -> None:
    samples = noise(duration_s=20)

    assert stored(samples, 44_100, block_frames=3000) == stored(samples, 44_100, block_frames=200_000)


def test_there_are_never_more_landmarks_than_stated() -> None:
    bursts = noise(duration_s=30) * (np.arange(30 * 44_100) % 4410 < 400)

    for samples in (noise(duration_s=30), bursts):
        assert len(fingerprint_of(samples.astype(np.float32), 44_100).frame) < 46 * 30


def test_one_landmark_in_eight_is_looked_up_and_the_same_ones_in_every_recording_of_a_sound() -> None:
    samples = noise(duration_s=60)
    whole, part = fingerprint_of(samples, 44_100), fingerprint_of(samples[: 30 * 44_100], 44_100)

    shared = set(whole.heard.tolist()) & set(part.heard.tolist())

    assert len(whole.looked_up) == pytest.approx(len(set(whole.heard.tolist())) / 8, rel=0.3)
    assert {each for each in whole.looked_up if each in shared} == {each for each in part.looked_up if each in shared}


def test_recordings_of_different_low_rates_are_not_compared() -> None:
    samples = noise(duration_s=10)

    assert common_intervals(fingerprint_of(samples, 16_000), fingerprint_of(samples, 22_050)) == []


@pytest.mark.parametrize("frames", [1, 2, 40_000])
def test_what_repeats_without_end_is_compared_in_bounded_time(frames: int) -> None:
    endless = Fingerprint(22_050, np.arange(frames) * 7, np.full(frames, 99))

    assert common_intervals(endless, endless) == []


@pytest.mark.parametrize("content", [b"", b"DCFP", b"RIFF" + bytes(12), b"DCFP" + bytes(12), b"DCFP\x01" + bytes(20)])
def test_bytes_that_are_no_fingerprint_are_refused(content: bytes) -> None:
    with pytest.raises(MalformedFingerprintError):
        read_fingerprint(content)


@pytest.mark.parametrize(
    ("samples", "rate_hz", "reason"),
    [
        (np.zeros(100_000, dtype=np.float32), 44_100, "silent"),
        (np.full(100_000, 0.5, dtype=np.float32), 44_100, "silent"),
        (noise(duration_s=0.1), 44_100, "too_short"),
        (noise(duration_s=5), 4000, "rate_too_low"),
        (sine(15_000, duration_s=3) * np.hanning(3 * 44_100).astype(np.float32), 44_100, "empty_band"),
    ],
)
def test_what_has_no_sound_has_no_fingerprint(samples: Floats, rate_hz: int, reason: str) -> None:
    stated = payload("fingerprint", samples, rate_hz)

    assert {measure["reason"] for measure in stated.values()} == {reason}
    assert stored(samples, rate_hz) is None


def stored(samples: Floats, rate_hz: int, **blocks: int) -> bytes | None:
    accumulator: Any = EXTRACTORS["fingerprint"].accumulator(rate_hz=rate_hz, channels=1)
    assert isinstance(accumulator, FingerprintAccumulator)
    for block in shared_blocks(samples, rate_hz, needs={Input.MUSIC_SPECTRUM}, **blocks):
        accumulator.add(block)
    accumulator.result()
    pieces = accumulator.attachment()
    return None if pieces is None else b"".join(pieces)


def fingerprint_of(samples: Floats, rate_hz: int) -> Fingerprint:
    content = stored(samples, rate_hz)
    assert content is not None
    return read_fingerprint(content)


@cache
def original(name: str) -> Fingerprint:
    return fingerprint_of(*load(recordings_folder() / name))


def covered_s(found: list[CommonInterval]) -> float:
    return sum(each.end_s - each.start_s for each in found)
