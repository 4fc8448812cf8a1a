"""Acoustic indices are those that scikit-maad published of the same recordings, and those it computes today."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from services.analysis.acoustic_indices import acoustic_diversity, acoustic_evenness
from services.analysis.extractors.ecoacoustic import Convention, Ecoacoustic
from tests.audio import REPOSITORY

from .signals import Floats, heard, noise, payload, sine

INDICES = ("aci", "adi", "aei", "bi", "ndsi", "hf", "ht")
# The parameters of the published values, found in scikit-maad's gallery and history (2020): R_compatible=None, low
# band 0 to 1.5 kHz, middle band 1.5 to 8 kHz.
PUBLISHED = Ecoacoustic(
    anthrophony_high_hz=1500.0, biophony_low_hz=1500.0, biophony_high_hz=8000.0, convention=Convention.MAAD
)
# The threshold of ADI and AEI lies inside a bucket of 0.017 dB, BI has decibels of the quietest bin; the rest differs
# by the rounding of a float32 transform.
TOLERANCES = {"aci": 1e-5, "hf": 1e-6, "ht": 1e-6, "adi": 1e-3, "aei": 1e-3, "bi": 2e-5, "ndsi": 1e-6}
# Above 17 kHz its codec left nothing: ACI weighs these bins, where a float32 transform rounds, as much as the others.
CUT_OFF_BY_CODEC = {"music_fast.ogg": {"aci": 1e-2}}
COMPUTED = json.loads((REPOSITORY / "tests/unit/analysis/scikit_maad_1_5_2.json").read_text())


@pytest.mark.recordings
def test_indices_of_a_night_are_those_that_scikit_maad_published(recordings: Path) -> None:
    for row in published(recordings):
        measured = of_file(PUBLISHED, recordings / "night" / row["file"])

        for index in ("aci", "hf", "ht", "bi", "ndsi"):
            assert measured[index]["value"] == pytest.approx(float(row[COLUMNS[index]]), rel=1e-6), (row["file"], index)
        # Gini's coefficient of nothing is 0 to scikit-maad, and nothing to us.
        expected = float(row["AEI"])
        assert (measured["aei"]["value"] or 0.0) == pytest.approx(expected, rel=1e-6), row["file"]
        assert (measured["aei"]["reason"] == "nothing_above_threshold") == (expected == 0), row["file"]


@pytest.mark.recordings
def test_the_published_diversity_is_zero_because_nothing_is_louder_than_3_db_over_full_scale(recordings: Path) -> None:
    """In the version of the published values, ADI's threshold was 3 dB, and levels were relative to full scale."""
    over_full_scale = replace(PUBLISHED, threshold_db=3.0)
    for row in published(recordings):
        measured = of_file(over_full_scale, recordings / "night" / row["file"])

        assert float(row["ADI"]) == 0
        assert measured["adi"]["reason"] == "nothing_above_threshold"


@pytest.mark.recordings
@pytest.mark.parametrize("name", list(COMPUTED))
def test_indices_of_real_recordings_are_those_that_scikit_maad_computes(recordings: Path, name: str) -> None:
    measured = of_file(Ecoacoustic(), recordings / name)

    for index in INDICES:
        tolerance = CUT_OFF_BY_CODEC.get(name, {}).get(index, TOLERANCES[index])
        assert measured[index]["value"] == pytest.approx(COMPUTED[name][index], rel=tolerance), index


def test_every_minute_has_the_indices_that_it_would_have_alone() -> None:
    minute = 60 * 22_000
    samples = noise(duration_s=140, rate_hz=22_000)
    samples[minute:] += sine(3000, duration_s=80, rate_hz=22_000)
    samples[2 * minute :] *= np.float32(0.1)

    found = heard(Ecoacoustic(), samples, 22_000)["per_minute"]

    for number, part in enumerate((samples[:minute], samples[minute : 2 * minute], samples[2 * minute :])):
        alone = heard(Ecoacoustic(), part, 22_000)
        for index in INDICES:
            # A frame at the border begins in one minute and ends in the next. BI hangs on the quietest bin.
            tolerance = 5e-2 if index == "bi" else 1e-2
            assert found[index]["values"][number] == pytest.approx(alone[index]["value"], rel=tolerance, abs=2e-3), (
                index
            )


def test_the_whole_of_one_minute_is_the_minute() -> None:
    found = heard(Ecoacoustic(), noise(duration_s=30, rate_hz=22_000), 22_000)

    for index in (*INDICES, "h"):
        assert found["per_minute"][index]["values"] == [found[index]["value"]]


@pytest.mark.parametrize("block_frames", [100, 777, 10**6])
def test_indices_do_not_depend_on_the_blocks_that_samples_came_in(block_frames: int) -> None:
    samples = noise(duration_s=5) + sine(3000, duration_s=5)

    assert payload("ecoacoustic", samples, block_frames=block_frames) == payload("ecoacoustic", samples)


def test_white_noise_is_even_and_a_tone_is_not() -> None:
    white, tone = payload("ecoacoustic", noise(duration_s=10)), payload("ecoacoustic", sine(3000, duration_s=10))

    assert white["hf"]["value"] > 0.99 > 0.5 > tone["hf"]["value"]
    assert white["adi"]["value"] == pytest.approx(np.log(10), abs=1e-3)
    assert white["aei"]["value"] == pytest.approx(0, abs=1e-3)
    assert (tone["adi"]["value"], tone["aei"]["value"]) != (0, 0)
    assert tone["ndsi"]["value"] == pytest.approx(1, abs=1e-3)


def test_diversity_and_evenness_of_scores_that_can_be_checked_by_hand() -> None:
    assert acoustic_diversity(np.array([0.5, 0.5, 0.0, 0.0])) == pytest.approx(np.log(2))
    assert acoustic_diversity(np.array([1.0, 0.0])) == 0
    assert acoustic_evenness(np.array([0.3, 0.3, 0.3, 0.3])) == pytest.approx(0)
    assert acoustic_evenness(np.array([0.0, 0.0, 0.0, 1.0])) == pytest.approx(0.75)


def test_bands_that_the_rate_does_not_reach_have_no_indices() -> None:
    measured = payload("ecoacoustic", noise(duration_s=5, rate_hz=16_000), 16_000)

    assert {index for index in INDICES if measured[index]["reason"] == "rate_too_low"} == {"adi", "aei", "bi", "ndsi"}
    assert measured["aci"]["value"] > 0


def test_a_silent_minute_has_no_indices_and_leaves_the_others_theirs() -> None:
    samples = np.concatenate([noise(duration_s=60, rate_hz=22_000), np.zeros(60 * 22_000, dtype=np.float32)])

    minutes = payload("ecoacoustic", samples, 22_000)["per_minute"]

    for index in INDICES:
        assert minutes[index]["values"][0] is not None
        assert minutes[index]["values"][1] is None
        assert minutes[index]["reason"] == "silent"


def test_a_dc_offset_changes_no_index() -> None:
    samples = noise(duration_s=5, deviation=0.01)

    plain, offset = payload("ecoacoustic", samples), payload("ecoacoustic", samples + np.float32(0.1))

    for index in INDICES:
        assert offset[index]["value"] == pytest.approx(plain[index]["value"], rel=1e-4), index


COLUMNS = {"aci": "ACI", "hf": "Hf", "ht": "Ht", "bi": "BI", "ndsi": "NDSI"}


def published(recordings: Path) -> list[dict[str, str]]:
    with (recordings / "night" / "scikit_maad_indices.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == 12
    return rows


def of_file(extractor: Ecoacoustic, path: Path) -> dict[str, Any]:
    samples, rate_hz = first_channel(path)
    return heard(extractor, samples, rate_hz)


def first_channel(path: Path) -> tuple[Floats, int]:
    channels, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    return channels[:, 0], rate_hz
