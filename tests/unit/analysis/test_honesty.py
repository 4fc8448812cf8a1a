"""Where a recording does not hold what is asked for, there is a reason and no number."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analysis.extractors import EXTRACTORS, OPT_IN
from services.analysis.measures import InvalidMeasureError, Reason, aggregated, decibels, listed, measured
from services.analysis.series import Series
from tests.honesty import INPUTS, PAGE, stated
from tests.pages import quoted, section, table

from .signals import RATE_HZ, Floats, payload, sine


@pytest.mark.parametrize("name", EXTRACTORS)
def test_every_input_has_the_values_or_the_reasons_of_the_page(name: str) -> None:
    assert said(name) == written(name)


@pytest.mark.usefixtures("birdnet")
@pytest.mark.parametrize("name", OPT_IN)
def test_every_input_has_what_the_page_says_of_extractors_that_are_off_by_default(name: str) -> None:
    assert said(name) == written(name)


def test_the_page_has_the_inputs_and_the_extractors_there_are() -> None:
    text = PAGE.read_text()

    assert text.count(f"| measure | {' | '.join(INPUTS)} |") == text.count("\n## ") == len(EXTRACTORS | OPT_IN)


@pytest.mark.parametrize(("name", "colour"), [("digital silence", "red"), ("white noise", "green")])
def test_the_health_of_a_recorder_has_a_colour(name: str, colour: str) -> None:
    assert payload("quality", INPUTS[name])["health"]["value"] == colour


@pytest.mark.parametrize("name", ["mel", "mfcc", "chroma", "tonnetz"])
def test_what_sounds_above_the_band_of_music_alone_leaves_it_empty(name: str) -> None:
    # Faded in and out: a tone that is switched on has all frequencies.
    tone = sine(15_000, duration_s=5) * np.hanning(5 * RATE_HZ).astype(np.float32)

    assert payload(name, tone)[name]["reason"] == "empty_band"


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


RATES_HZ = [1000, 8000, 11_025, 44_100, 192_000, 384_000]


@given(samples=hostile_samples(), rate_hz=st.sampled_from(RATES_HZ))
@settings(max_examples=60)
def test_every_payload_is_strict_json_where_a_number_and_a_reason_exclude_each_other(
    samples: Floats, rate_hz: int
) -> None:
    for name in EXTRACTORS:
        check(payload(name, samples, rate_hz))


@pytest.mark.usefixtures("birdnet")
@given(samples=hostile_samples(), rate_hz=st.sampled_from(RATES_HZ))
@settings(max_examples=30)
def test_so_is_the_payload_of_an_extractor_that_is_off_by_default(samples: Floats, rate_hz: int) -> None:
    for name in OPT_IN:
        check(payload(name, samples, rate_hz))


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


def said(name: str) -> dict[str, list[str | None]]:
    return {measure: [_reason(cell) for cell in cells] for measure, cells in stated(name).items()}


def written(name: str) -> dict[str, list[str | None]]:
    return {quoted(row[0])[0]: [_reason(cell) for cell in row[1:]] for row in table(section(PAGE, name))}


def check(stated: dict[str, Any]) -> None:
    json.dumps(stated, allow_nan=False)
    for measure in measures_in(stated):
        assert (measure["reason"] is None) == all(number is not None for number in numbers_of(measure))
        assert measure["reason"] is None or measure["reason"] in set(Reason)


def _reason(cell: str) -> str | None:
    """Return the reason in a cell of the page; None when it is a value."""
    return cell if cell.startswith("`") else None


def measures_in(stated: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every measure of a payload, however deep it stands in it."""
    if "reason" in stated:
        return [stated]
    inside = [each for value in stated.values() for each in (value if isinstance(value, list) else [value])]
    return [measure for each in inside if isinstance(each, dict) for measure in measures_in(each)]


def numbers_of(measure: dict[str, Any]) -> list[object]:
    stated = [number for key, number in measure.items() if key not in {"unit", "reason", "frames"}]
    return [number for each in stated for number in (each if isinstance(each, list) else [each])]
