"""The test signals of EBU Tech 3341 and 3342, and ffmpeg's meter on real recordings."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from services.analysis.true_peak import TruePeakMeter

from .references import ffmpeg_ebur128
from .signals import Floats, payload

RATE_HZ = 48_000
RECORDINGS = (
    *("voice.flac", "1min.wav", "spinetail.wav", "rugr_drum.wav", "birds_10s.wav", "metadata.wav", "audiomoth_gps.wav"),
    *("music_slow.ogg", "snare_accelerate.ogg", "night/S4A03895_20190522_070000.wav"),
)


@pytest.mark.parametrize(
    ("levels_dbfs_and_s", "expected_lufs"),
    [
        ([(-23, 20)], -23.0),
        ([(-33, 20)], -33.0),
        ([(-36, 10), (-23, 60), (-36, 10)], -23.0),
        ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23.0),
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23.0),
    ],
    ids=["case 1", "case 2", "case 3", "case 4", "case 5"],
)
def test_integrated_loudness_of_the_cases_1_to_5_of_tech_3341(
    levels_dbfs_and_s: list[tuple[float, float]], expected_lufs: float
) -> None:
    measured = payload("loudness", stereo(levels_dbfs_and_s), RATE_HZ)

    assert measured["integrated_loudness"]["value"] == pytest.approx(expected_lufs, abs=0.1)


def test_surround_channels_weigh_as_in_case_6_of_tech_3341() -> None:
    channels = [tone([(level, 20)]) for level in (-28, -28, -24, -30, -30)]

    measured = payload("loudness", np.stack(channels, axis=1), RATE_HZ)

    assert measured["integrated_loudness"]["value"] == pytest.approx(-23.0, abs=0.1)


def test_short_term_loudness_is_steady_in_case_9_of_tech_3341() -> None:
    measured = payload("loudness", stereo([(-20, 1.34), (-30, 1.66)] * 5), RATE_HZ)

    assert measured["short_term_max"]["value"] == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("index", range(0, 20, 3))
def test_short_term_maximum_is_found_wherever_the_tone_begins_in_case_10_of_tech_3341(index: int) -> None:
    samples = stereo([(-200, 0.15 * index), (-23, 3), (-200, 1)])

    measured = payload("loudness", samples, RATE_HZ)

    assert measured["short_term_max"]["value"] == pytest.approx(-23.0, abs=0.1)


def test_momentary_loudness_is_steady_in_case_12_of_tech_3341() -> None:
    measured = payload("loudness", stereo([(-20, 0.18), (-30, 0.22)] * 25), RATE_HZ)

    assert measured["momentary_max"]["value"] == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("index", range(20))
def test_momentary_maximum_is_found_wherever_the_tone_begins_in_case_13_of_tech_3341(index: int) -> None:
    samples = stereo([(-200, 0.02 * index), (-23, 0.4), (-200, 1)])

    measured = payload("loudness", samples, RATE_HZ)

    assert measured["momentary_max"]["value"] == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize(
    ("divisor", "phase_deg", "level_dbtp"),
    [(4, 0, -6.0), (4, 45, -6.0), (6, 60, -6.0), (8, 67.5, -6.0), (4, 45, 3.0)],
    ids=["case 15", "case 16", "case 17", "case 18", "case 19"],
)
def test_true_peak_of_the_cases_15_to_19_of_tech_3341(divisor: int, phase_deg: float, level_dbtp: float) -> None:
    """The peak of the sine that the samples are of, within +0.2 and -0.4 dB."""
    phase = 2 * np.pi * np.arange(RATE_HZ) / divisor + np.deg2rad(phase_deg)
    # The standard's signals fade in and out: what begins suddenly has a larger peak still.
    fade = np.minimum(1, np.minimum(np.arange(RATE_HZ), np.arange(RATE_HZ)[::-1]) / 4800)
    samples = (10 ** (level_dbtp / 20) * fade * np.sin(phase)).astype(np.float32)

    measured = payload("loudness", np.stack([samples, samples], axis=1), RATE_HZ)

    assert level_dbtp - 0.4 <= measured["true_peak"]["value"] <= level_dbtp + 0.2


@pytest.mark.parametrize(
    ("levels_dbfs_and_s", "expected_lu"),
    [
        ([(-20, 20), (-30, 20)], 10.0),
        ([(-20, 20), (-15, 20)], 5.0),
        ([(-40, 20), (-20, 20)], 20.0),
        ([(-50, 20), (-35, 20), (-20, 20), (-35, 20), (-50, 20)], 15.0),
    ],
    ids=["case 1", "case 2", "case 3", "case 4"],
)
def test_loudness_range_of_the_cases_of_tech_3342(
    levels_dbfs_and_s: list[tuple[float, float]], expected_lu: float
) -> None:
    measured = payload("loudness", stereo(levels_dbfs_and_s), RATE_HZ)

    assert measured["loudness_range"]["value"] == pytest.approx(expected_lu, abs=1.0)


@pytest.mark.recordings
@pytest.mark.parametrize("name", RECORDINGS)
def test_ffmpegs_meter_says_the_same_of_real_recordings(recordings: Path, name: str) -> None:
    """ffmpeg gates by a histogram, looks every 100 ms, not every 10, and oversamples with a longer filter."""
    channels, rate_hz = soundfile.read(recordings / name, dtype="float32", always_2d=True)
    # What a DC offset does to a filter that begins with silence is not of interest.
    channels -= channels.mean(axis=0)
    told = ffmpeg_ebur128(channels, rate_hz)

    measured = payload("loudness", channels, rate_hz)

    assert value(measured, "integrated_loudness") == pytest.approx(told[-1]["I"], abs=0.01)
    assert value(measured, "momentary_max") == pytest.approx(max(each["M"] for each in told), abs=0.3)
    assert value(measured, "momentary_max") >= max(each["M"] for each in told) - 0.02
    assert 10 ** (value(measured, "true_peak") / 20) == pytest.approx(told[-1]["true_peak"], rel=0.06, abs=0.001)
    if len(channels) > 3 * rate_hz:
        assert value(measured, "short_term_max") == pytest.approx(max(each["S"] for each in told), abs=0.05)
    # ffmpeg's range counts the first three seconds, too, of which there is no short-term loudness.
    if len(channels) > 14 * rate_hz:
        assert value(measured, "loudness_range") == pytest.approx(told[-1]["LRA"], abs=0.05)


def test_the_true_peak_is_the_same_in_pieces_and_is_that_of_the_standards_filter() -> None:
    samples = np.random.default_rng(3).uniform(-1, 1, (4000, 2)).astype(np.float32)
    whole, pieces = TruePeakMeter(2), TruePeakMeter(2)

    whole.add(samples)
    for piece in np.array_split(samples, 37):
        pieces.add(piece)

    assert pieces.peaks().tolist() == whole.peaks().tolist()
    assert whole.peaks() == pytest.approx(plain_true_peaks(samples), rel=1e-6)


def plain_true_peaks(samples: Floats) -> list[float]:
    """Insert three zeros after each sample and convolve with the table of BS.1770-4, read along its rows."""
    table = np.array([float(number) for number in TABLE.split()])
    peaks = []
    for channel in samples.T.astype(np.float64):
        spread = np.zeros(4 * len(channel))
        spread[::4] = channel
        peaks.append(max(np.abs(np.convolve(spread, table)).max(), np.abs(channel).max()))
    return peaks


# BS.1770-4, Annex 2: one row per tap, one column per phase.
TABLE = """
 0.0017089843750 -0.0291748046875 -0.0189208984375 -0.0083007812500
 0.0109863281250  0.0292968750000  0.0330810546875  0.0148925781250
-0.0196533203125 -0.0517578125000 -0.0582275390625 -0.0266113281250
 0.0332031250000  0.0891113281250  0.1015625000000  0.0476074218750
-0.0594482421875 -0.1665039062500 -0.2003173828125 -0.1022949218750
 0.1373291015625  0.4650878906250  0.7797851562500  0.9721679687500
 0.9721679687500  0.7797851562500  0.4650878906250  0.1373291015625
-0.1022949218750 -0.2003173828125 -0.1665039062500 -0.0594482421875
 0.0476074218750  0.1015625000000  0.0891113281250  0.0332031250000
-0.0266113281250 -0.0582275390625 -0.0517578125000 -0.0196533203125
 0.0148925781250  0.0330810546875  0.0292968750000  0.0109863281250
-0.0083007812500 -0.0189208984375 -0.0291748046875  0.0017089843750
"""


def stereo(levels_dbfs_and_s: list[tuple[float, float]]) -> Floats:
    return np.repeat(tone(levels_dbfs_and_s)[:, np.newaxis], 2, axis=1)


def tone(levels_dbfs_and_s: list[tuple[float, float]]) -> Floats:
    """Return a sine of 1 kHz; its level is that of its peak, as in EBU Tech 3341."""
    lengths = [round(duration_s * RATE_HZ) for _, duration_s in levels_dbfs_and_s]
    peaks = np.repeat([10 ** (level / 20) for level, _ in levels_dbfs_and_s], lengths)
    return (peaks * np.sin(2 * np.pi * 1000 * np.arange(len(peaks)) / RATE_HZ)).astype(np.float32)


def value(measured: dict[str, Any], name: str) -> float:
    return float(measured[name]["value"])
