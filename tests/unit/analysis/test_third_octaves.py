"""Bands are those of IEC 61260-1:2014, and their levels those of signals whose levels are known."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt  # type: ignore[import-untyped] # scipy ships no stubs; it comes with librosa

from services.analysis.dft import fast_length
from services.analysis.extractors import EXTRACTORS
from services.analysis.extractors.levels import LevelsAccumulator
from services.analysis.third_octaves import ThirdOctave, third_octaves

from .signals import RATE_HZ, Floats, noise, payload, shared_blocks, sine

# IEC 61260-1:2014, table 1, for octaves: exponent of G, least and most attenuation of class 1 in dB.
CLASS_1 = (
    *((0, -0.4, 0.4), (1 / 8, -0.4, 0.5), (1 / 4, -0.4, 0.7), (3 / 8, -0.4, 1.4)),
    *((1, 16.6, np.inf), (2, 40.5, np.inf), (3, 60, np.inf), (4, 70, np.inf)),
)
G = 10**0.3


def test_midband_frequencies_are_exact_and_have_the_names_that_people_use() -> None:
    bands = third_octaves(384_000)

    assert [band.nominal for band in bands[:6]] == ["25", "31.5", "40", "50", "63", "80"]
    assert [band.nominal for band in bands[-4:]] == ["80000", "100000", "125000", "160000"]
    assert [band.midband_hz for band in bands[:2]] == pytest.approx([25.1189, 31.6228], abs=1e-4)
    assert [band.midband_hz for band in bands if band.index % 10 == 0] == pytest.approx([100, 1000, 10_000, 100_000])
    for below, above in pairwise(bands):
        assert below.edges_hz[1] == pytest.approx(above.edges_hz[0])


@pytest.mark.parametrize(
    ("rate_hz", "highest"), [(8000, "3150"), (44_100, "16000"), (48_000, "20000"), (96_000, "40000")]
)
def test_the_highest_band_ends_below_half_the_rate(rate_hz: int, highest: str) -> None:
    assert third_octaves(rate_hz)[-1].nominal == highest


@pytest.mark.parametrize("rate_hz", [8000, 22_050, 44_100, 48_000, 384_000])
def test_a_sine_at_midband_has_its_level_in_its_band(rate_hz: int) -> None:
    for band in third_octaves(rate_hz):
        tone = sine(band.midband_hz, duration_s=2.5, peak=0.5, rate_hz=rate_hz)
        levels = by_name(payload("levels", tone, rate_hz), rate_hz)

        for statistic in ("minimum", "mean", "maximum"):
            assert levels[statistic][band.nominal] == pytest.approx(-9.03, abs=0.1), (band.nominal, statistic)


@pytest.mark.parametrize("nominal", ["25", "50", "125", "1000", "8000"])
def test_the_response_to_sines_lies_within_class_1(nominal: str) -> None:
    band = next(each for each in third_octaves(RATE_HZ) if each.nominal == nominal)
    for exponent, least_db, most_db in CLASS_1:
        for ratio in {third_octave_ratio(exponent), 1 / third_octave_ratio(exponent)}:
            frequency_hz = band.midband_hz * ratio
            if not 3 < frequency_hz < 20_000:
                continue
            tone = sine(frequency_hz, duration_s=4, peak=0.5)
            level = by_name(payload("levels", tone), RATE_HZ)["maximum"][nominal]

            assert least_db <= -9.03 - level <= most_db, (nominal, exponent, frequency_hz)


def test_pink_noise_is_as_loud_in_every_band() -> None:
    levels = by_name(payload("levels", pink_noise(duration_s=120)), RATE_HZ)["mean"]

    values = np.array(list(levels.values()))
    # A band of 6 Hz has some 700 independent values in two minutes: their mean is within 0.5 dB.
    assert values == pytest.approx(np.full(len(values), values[10:].mean()), abs=0.6)
    assert values[10:] == pytest.approx(np.full(len(values) - 10, values[10:].mean()), abs=0.2)


def test_the_bands_of_a_recording_add_up_to_its_power() -> None:
    samples = noise(duration_s=20.3)
    samples[50_000:60_000] *= np.float32(0.01)

    levels = by_name(payload("levels", samples), RATE_HZ)["mean"]

    bands = third_octaves(RATE_HZ)
    share = (bands[-1].edges_hz[1] - bands[0].edges_hz[0]) / (RATE_HZ / 2)
    power = sum(10 ** (level / 10) for level in levels.values())
    assert power == pytest.approx(share * np.square(samples.astype(np.float64)).mean(), rel=0.02)


def test_an_offset_is_in_no_band() -> None:
    samples = noise(duration_s=5, deviation=0.001)

    plain, offset = payload("levels", samples), payload("levels", samples + np.float32(0.5))

    assert offset["mean"]["values"] == pytest.approx(plain["mean"]["values"], abs=0.01)


@pytest.mark.recordings
@pytest.mark.parametrize(
    "name", ["1min.wav", "spinetail.wav", "voice.flac", "birds_10s.wav", "night/S4A03895_20190522_070000.wav"]
)
def test_levels_of_real_recordings_are_those_of_one_transform_and_of_butterworth_filters(
    recordings: Path, name: str
) -> None:
    """Against brick walls over the whole recording, whose resolution is finer, and against filters of order 6.

    The filters hear 0.5 to 5 dB more in a band whose neighbour is 20 dB louder: they are the less selective ones.
    """
    channels, rate_hz = soundfile.read(recordings / name, dtype="float32", always_2d=True)
    samples = channels.mean(axis=1, dtype=np.float64)
    samples -= samples.mean()
    levels = by_name(payload("levels", samples.astype(np.float32), rate_hz), rate_hz)["mean"]
    weights = weights_of_samples(len(samples), rate_hz)

    exact, filtered = [], []
    for band in third_octaves(rate_hz):
        exact.append(levels[band.nominal] - brick_wall_level(samples, weights, rate_hz, band))
        if band.edges_hz[1] < 0.45 * rate_hz:
            sections = butter(3, band.edges_hz, "bandpass", fs=rate_hz, output="sos")
            squares = np.square(sosfilt(sections, samples))
            filtered.append(levels[band.nominal] - 10 * np.log10((squares * weights).sum() / weights.sum()))

    assert np.median(np.abs(exact)) < 0.02
    assert np.abs(exact).max() < 0.4
    assert np.median(np.abs(filtered)) < 0.6
    assert max(filtered) < 1.0


def test_ten_seconds_each_have_their_levels() -> None:
    quiet, loud = sine(1000, duration_s=10, peak=0.01), sine(1000, duration_s=10, peak=0.1)

    times_s, series = intervals(np.concatenate([quiet, loud, np.zeros(RATE_HZ * 10, dtype=np.float32)]))

    assert times_s.tolist() == [5, 15, 25]
    assert series["minimum_1000_hz"][0] == pytest.approx(-43.0, abs=0.05)
    assert series["maximum_1000_hz"][1] == pytest.approx(-23.0, abs=0.05)
    # A window belongs to the interval in which its middle lies, and reaches half a second into the next one.
    assert series["mean_1000_hz"][:2] == pytest.approx([-43.0, -23.0], abs=1.2)
    assert np.isnan(series["minimum_1000_hz"][2])


def test_levels_do_not_depend_on_the_blocks_that_samples_came_in() -> None:
    samples = noise(duration_s=4)

    assert payload("levels", samples, block_frames=777) == payload("levels", samples, block_frames=10**6)


def test_less_than_a_window_has_no_levels_and_silence_none_either() -> None:
    short, silent = payload("levels", noise(duration_s=0.9)), payload("levels", np.zeros(RATE_HZ * 3, dtype=np.float32))

    for statistic in ("minimum", "mean", "maximum"):
        assert (short[statistic]["values"], short[statistic]["reason"]) == (None, "too_short")
        assert set(silent[statistic]["values"]) == {None}
        assert silent[statistic]["reason"] == "silent"


def third_octave_ratio(exponent: float) -> float:
    """Return a frequency of the octave's table, as a ratio to midband, for a third of one (equation 10)."""
    narrowing = (G ** (1 / 6) - 1) / (G ** (1 / 2) - 1)
    return float(1 + narrowing * (G**exponent - 1))


def weights_of_samples(count: int, rate_hz: int) -> NDArray[np.float64]:
    """Return how much each sample counts: once, but for the first and the last half of a window."""
    length = fast_length(rate_hz)
    window = np.square(np.sin(np.pi / 2 * np.square(np.sin(np.pi * (np.arange(length) + 0.5) / length))))
    weights = np.zeros(count)
    for start in range(0, count - length + 1, length // 2):
        weights[start : start + length] += window
    return weights


def brick_wall_level(
    samples: NDArray[np.float64], weights: NDArray[np.float64], rate_hz: int, band: ThirdOctave
) -> float:
    power = np.square(np.abs(np.fft.rfft(samples * np.sqrt(weights)))) * 2 / len(samples)
    frequencies_hz = np.fft.rfftfreq(len(samples), 1 / rate_hz)
    low_hz, high_hz = band.edges_hz
    return float(10 * np.log10(power[(frequencies_hz >= low_hz) & (frequencies_hz < high_hz)].sum() / weights.sum()))


def by_name(stated: dict[str, Any], rate_hz: int) -> dict[str, dict[str, float]]:
    names = [band.nominal for band in third_octaves(rate_hz)]
    return {key: dict(zip(names, stated[key]["values"], strict=True)) for key in ("minimum", "mean", "maximum")}


def intervals(samples: Floats) -> tuple[Any, dict[str, Any]]:
    accumulator = EXTRACTORS["levels"].accumulator(rate_hz=RATE_HZ, channels=1)
    assert isinstance(accumulator, LevelsAccumulator)
    blocks = []
    for block in shared_blocks(samples):
        accumulator.add(block)
        blocks.append(accumulator.series())
    accumulator.result()
    blocks.append(accumulator.series())
    found = [block for block in blocks if block is not None]
    assert found[0].values.keys() == accumulator.series_units.keys()
    times_s = np.concatenate([block.times_s for block in found])
    return times_s, {name: np.concatenate([block.values[name] for block in found]) for name in found[0].values}


def pink_noise(*, duration_s: float) -> Floats:
    spectrum = np.fft.rfft(noise(duration_s=duration_s).astype(np.float64))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    pink = np.fft.irfft(spectrum)
    return (0.5 * pink / np.abs(pink).max()).astype(np.float32)
