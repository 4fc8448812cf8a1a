"""Where a recording does not hold what is asked for, there is a reason and no number."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analysis.extractors import EXTRACTORS
from services.analysis.measures import InvalidMeasureError, Reason, aggregated, decibels, listed, measured
from services.analysis.series import Series

from .signals import RATE_HZ, Floats, clicks, harmonic_tone, noise, payload, sine

SECONDS = 10 * RATE_HZ
INPUTS: dict[str, Floats] = {
    "digital silence": np.zeros(SECONDS, dtype=np.float32),
    "noise below -70 dBFS": noise(duration_s=10, deviation=1e-4),
    "a constant": np.full(SECONDS, 0.5, dtype=np.float32),
    "one sample": np.array([0.5], dtype=np.float32),
    "five samples": np.array([0.5, -0.5, 0.25, 0, 1], dtype=np.float32),
    "140 ms of noise": noise(duration_s=0.14),
    "white noise": noise(duration_s=10),
    "a tone": sine(440, duration_s=10),
    "clicks": clicks(np.arange(0.1, 9.9, 0.5), duration_s=10),
    "a harmonic tone": harmonic_tone(220, duration_s=10),
}
VALUE = None
TABLE = {
    "digital silence": ("silent", "silent", "silent", "silent", "silent", "below_loudness_gate"),
    "noise below -70 dBFS": (VALUE, "silent", "silent", "silent", "silent", "below_loudness_gate"),
    "a constant": ("silent", "silent", "silent", "silent", "silent", "below_loudness_gate"),
    "one sample": ("silent", "too_short", "too_short", "too_short", "too_short", "too_short"),
    "five samples": (VALUE, "too_short", "too_short", "too_short", "too_short", "too_short"),
    "140 ms of noise": (VALUE, VALUE, "too_short", VALUE, "no_voiced_frames", "too_short"),
    "white noise": (VALUE, VALUE, "no_periodicity", VALUE, "no_voiced_frames", VALUE),
    "a tone": (VALUE, VALUE, "no_onsets", VALUE, VALUE, VALUE),
    "clicks": (VALUE, VALUE, VALUE, VALUE, "no_voiced_frames", VALUE),
    "a harmonic tone": (VALUE, VALUE, "no_onsets", VALUE, VALUE, VALUE),
}


# Mel, MFCC, their derivative, chroma, tonnetz, key, spectral contrast, spectral flux.
TIMBRE_TABLE = {
    "digital silence": ("silent",) * 8,
    "noise below -70 dBFS": ("silent",) * 8,
    "a constant": ("silent",) * 8,
    "one sample": ("too_short",) * 8,
    "five samples": ("too_short",) * 8,
    "140 ms of noise": (VALUE, VALUE, "too_short", VALUE, VALUE, "too_short", VALUE, VALUE),
    "white noise": (VALUE, VALUE, VALUE, VALUE, VALUE, "no_key", VALUE, VALUE),
    "a tone": (VALUE, VALUE, VALUE, VALUE, VALUE, "no_key", VALUE, VALUE),
    "clicks": (VALUE, VALUE, VALUE, VALUE, VALUE, "no_key", VALUE, VALUE),
    "a harmonic tone": (VALUE, VALUE, VALUE, VALUE, VALUE, "no_key", VALUE, VALUE),
}

# Loudness range, hum, levels, ACI, ADI; and the colour of the recorder's health.
SOUNDSCAPE_TABLE = {
    "digital silence": ("below_loudness_gate", "silent", "silent", "silent", "silent", "red"),
    "noise below -70 dBFS": ("below_loudness_gate", "silent", VALUE, "silent", "silent", "amber"),
    "a constant": ("below_loudness_gate", "silent", "silent", "silent", "silent", "red"),
    "one sample": ("too_short", "silent", "too_short", "too_short", "too_short", VALUE),
    "five samples": ("too_short", "too_short", "too_short", "too_short", "too_short", VALUE),
    "140 ms of noise": ("too_short", "too_short", "too_short", VALUE, VALUE, VALUE),
    "white noise": (VALUE, VALUE, VALUE, VALUE, VALUE, "green"),
    "a tone": (VALUE, VALUE, VALUE, VALUE, VALUE, "green"),
    "clicks": (VALUE, VALUE, VALUE, VALUE, VALUE, "green"),
    "a harmonic tone": (VALUE, VALUE, VALUE, VALUE, VALUE, "amber"),
}


@pytest.mark.parametrize("name", list(TABLE))
def test_every_input_has_values_or_the_reasons_of_this_table(name: str) -> None:
    samples = INPUTS[name]

    loudness = payload("loudness", samples)
    reasons = (
        loudness["rms"]["reason"],
        payload("spectral", samples)["centroid"]["reason"],
        payload("tempo", samples)["bpm"]["reason"],
        payload("onsets", samples)["onsets"]["reason"],
        payload("pitch", samples)["f0"]["reason"],
        loudness["integrated_loudness"]["reason"],
    )

    assert reasons == TABLE[name]


@pytest.mark.parametrize("name", list(TIMBRE_TABLE))
def test_every_input_has_a_timbre_or_the_reasons_of_this_table(name: str) -> None:
    samples = INPUTS[name]

    mfcc, spectral = payload("mfcc", samples), payload("spectral", samples)
    reasons = (
        payload("mel", samples)["mel"]["reason"],
        mfcc["mfcc"]["reason"],
        mfcc["delta"]["reason"],
        payload("chroma", samples)["chroma"]["reason"],
        payload("tonnetz", samples)["tonnetz"]["reason"],
        payload("key", samples)["key"]["reason"],
        spectral["contrast"]["reason"],
        spectral["flux"]["reason"],
    )

    assert reasons == TIMBRE_TABLE[name]


@pytest.mark.parametrize("name", ["mel", "mfcc", "chroma", "tonnetz"])
def test_what_sounds_above_the_band_of_music_alone_leaves_it_empty(name: str) -> None:
    # Faded in and out: a tone that is switched on has all frequencies.
    tone = sine(15_000, duration_s=5) * np.hanning(5 * RATE_HZ).astype(np.float32)

    assert payload(name, tone)[name]["reason"] == "empty_band"


@pytest.mark.parametrize("name", list(SOUNDSCAPE_TABLE))
def test_every_input_has_a_soundscape_or_the_reasons_of_this_table(name: str) -> None:
    samples = INPUTS[name]

    quality, indices = payload("quality", samples), payload("ecoacoustic", samples)
    stated = (
        payload("loudness", samples)["loudness_range"]["reason"],
        quality["hum_50_hz"]["reason"],
        payload("levels", samples)["mean"]["reason"],
        indices["aci"]["reason"],
        indices["adi"]["reason"],
        quality["health"]["value"],
    )

    assert stated == SOUNDSCAPE_TABLE[name]


@st.composite
def hostile_samples(draw: st.DrawFn) -> Floats:
    length = draw(st.sampled_from([1, 2, 5, 511, 512, 1023, 1024, 2047, 2048, 2049, 4410, 20_000, 200_000]))
    channels = draw(st.sampled_from([1, 2, 6, 8]))
    scale = draw(st.sampled_from([0.0, 1e-38, 1e-20, 1e-9, 1 / 32768, 0.5, 1.0, 2.0**32]))
    index = np.arange(length)
    shapes = {
        "constant": np.ones(length),
        "full-scale square": np.where(index // 50 % 2, 1.0, -1.0),
        "Nyquist": np.where(index % 2, 1.0, -1.0),
        "impulse": (index == length // 2).astype(float),
        "ramp": index / length,
        "noise": np.random.default_rng(length).uniform(-1, 1, length),
        "half silent": np.where(index < length // 2, np.sin(index), 0.0),
    }
    shape = shapes[draw(st.sampled_from(sorted(shapes)))]
    return np.repeat((scale * shape)[:, np.newaxis], channels, axis=1).astype(np.float32)


@given(samples=hostile_samples(), rate_hz=st.sampled_from([1000, 8000, 11_025, 44_100, 192_000, 384_000]))
@settings(max_examples=60)
def test_every_payload_is_strict_json_where_a_number_and_a_reason_exclude_each_other(
    samples: Floats, rate_hz: int
) -> None:
    for name in EXTRACTORS:
        stated = payload(name, samples, rate_hz)

        json.dumps(stated, allow_nan=False)
        for measure in measures_in(stated):
            assert (measure["reason"] is None) == all(number is not None for number in numbers_of(measure))
            assert measure["reason"] is None or measure["reason"] in set(Reason)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_not_finite_never_becomes_a_measure(value: float) -> None:
    with pytest.raises(InvalidMeasureError, match="not a finite number"):
        measured(value, unit="Hz")
    with pytest.raises(InvalidMeasureError):
        listed([1.0, value], unit="Hz")


def test_the_level_of_nothing_is_silent_rather_than_minus_infinity() -> None:
    assert decibels(0.0, unit="dBFS") == {"value": None, "unit": "dBFS", "reason": "silent"}


def test_an_aggregate_without_frames_keeps_its_keys() -> None:
    filled = Series()
    filled.add(np.ones(3, dtype=np.float32))

    absent = aggregated(Series(), unit="Hz", otherwise=Reason.SILENT)
    present = aggregated(filled, unit="Hz", otherwise=Reason.SILENT)

    assert absent.keys() == present.keys()
    assert absent["frames"] == 0
    assert absent["reason"] == "silent"


def measures_in(stated: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every measure of a payload, however deep it stands in it."""
    if "reason" in stated:
        return [stated]
    inside = [each for value in stated.values() for each in (value if isinstance(value, list) else [value])]
    return [measure for each in inside if isinstance(each, dict) for measure in measures_in(each)]


def numbers_of(measure: dict[str, Any]) -> list[object]:
    stated = [number for key, number in measure.items() if key not in {"unit", "reason", "frames"}]
    return [number for each in stated for number in (each if isinstance(each, list) else [each])]
