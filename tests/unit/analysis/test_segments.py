"""Segments have the statistics that their frames have, however the frames come, and there are never too many."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from audio.decode import AudioLimits
from audio.sniff import Container
from contracts.analysing import Segmentation
from services.analysis.analyse import analyse
from services.analysis.extractors import SeriesBlock
from services.analysis.plan import Plan
from services.analysis.results import Analysis
from services.analysis.segments import SegmentCutter, segment_grid

from .signals import RATE_HZ, Floats, noise, sine

UNITS = {"level": "dB"}


def test_segments_begin_at_every_hop_and_the_last_ends_with_the_recording() -> None:
    grid = segment_grid(Segmentation(mode="both", length_s=4, hop_s=2), 7.0)

    assert grid.start_s == (0, 2, 4, 6)
    assert grid.end_s == (4, 6, 7, 7)


def test_the_hop_doubles_until_there_are_few_enough() -> None:
    grid = segment_grid(Segmentation(mode="both", length_s=1, hop_s=1, segments_max=10), 35.0)

    assert grid.hop_s == 4
    assert len(grid.start_s) == 9
    assert grid.length_s == 1


@pytest.mark.parametrize("duration_s", [0.0, 1e-6, 1.0])
def test_there_is_always_a_segment(duration_s: float) -> None:
    assert len(segment_grid(Segmentation(mode="both"), duration_s).start_s) == 1


@settings(max_examples=60)
@given(
    duration_s=st.floats(0.2, 60),
    length_s=st.floats(0.5, 8),
    hop_share=st.floats(0.125, 2),
    segments_max=st.integers(1, 20),
    block_frames=st.integers(1, 500),
)
def test_segments_are_what_a_plain_cut_gives(
    duration_s: float, length_s: float, hop_share: float, segments_max: int, block_frames: int
) -> None:
    asked = Segmentation(mode="both", length_s=length_s, hop_s=length_s * hop_share, segments_max=segments_max)
    times_s = np.arange(0, duration_s, 0.05)
    values = np.random.default_rng(0).normal(size=len(times_s)).astype(np.float32)
    values[::7] = np.nan

    grid = segment_grid(asked, duration_s)
    found = _cut(asked, times_s, values, block_frames).result(grid)["level"]

    assert len(grid.start_s) <= segments_max
    for number, start_s in enumerate(grid.start_s):
        inside = values[(times_s >= start_s) & (times_s < start_s + length_s)]
        heard = inside[~np.isnan(inside)]
        assert found["frames"][number] == len(heard)
        if len(heard):
            assert found["mean"][number] == pytest.approx(heard.mean(dtype=np.float64), rel=1e-5, abs=1e-6)
            assert found["p50"][number] == pytest.approx(float(np.median(heard)), rel=1e-5, abs=1e-6)
        else:
            assert found["mean"][number] is None


def test_however_long_a_recording_is_no_more_segments_are_held_than_asked_for() -> None:
    asked = Segmentation(mode="both", length_s=1, hop_s=0.25, segments_max=20)
    cutter = SegmentCutter(asked, UNITS)

    held = []
    for number in range(200):
        times_s = number + np.arange(0, 1, 0.05)
        cutter.add(SeriesBlock(times_s, {"level": np.ones(len(times_s), dtype=np.float32)}))
        held.append(len(cutter._open) + len(cutter._closed))

    assert max(held) == 20


def test_a_segment_of_silence_is_null_between_segments_that_sound(tmp_path: Path) -> None:
    silence = np.zeros(2 * RATE_HZ, dtype=np.float32)
    samples = np.concatenate([sine(1000, duration_s=2), silence, sine(4000, duration_s=2)])

    analysis = analysed(tmp_path, samples, Segmentation(mode="both", length_s=2))

    assert analysis.segments is not None
    assert analysis.segments.start_s == (0, 2, 4)
    spectral = analysis.extractors[1]
    assert spectral.payload is not None
    assert spectral.segments is not None
    # Frames that reach over a border hear both sides; the median is of those that do not.
    low_hz, none, high_hz = spectral.segments["rolloff"]["p50"]
    assert (low_hz, high_hz) == (pytest.approx(1000, abs=30), pytest.approx(4000, abs=30))
    assert spectral.segments["rms"]["p50"][1] == 0
    assert none is None or spectral.segments["rolloff"]["frames"][1] <= 4


def test_segments_alone_leave_the_aggregates_out_where_there_are_segments(tmp_path: Path) -> None:
    levels, spectral = analysed(tmp_path, noise(duration_s=3), Segmentation(mode="segments", length_s=1)).extractors

    assert (spectral.payload, spectral.success) == (None, True)
    assert spectral.segments is not None
    assert len(spectral.segments["centroid"]["mean"]) == 3
    assert levels.payload is not None
    assert levels.segments is None


def test_without_segments_nothing_is_cut(tmp_path: Path) -> None:
    analysis = analysed(tmp_path, noise(duration_s=3), Segmentation())

    assert analysis.segments is None
    assert [each.segments for each in analysis.extractors] == [None, None]


@pytest.mark.parametrize(
    "wrong",
    [
        {"length_s": 0},
        {"length_s": 8, "hop_s": 0.9},
        {"segments_max": 0},
        {"mode": "all"},
        {"hop": 1},
        {"length_s": "nan"},
    ],
)
def test_segments_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Segmentation.model_validate(wrong)


def _cut(asked: Segmentation, times_s: np.ndarray, values: Floats, block_frames: int) -> SegmentCutter:  # type: ignore[type-arg]
    cutter = SegmentCutter(asked, UNITS)
    for start in range(0, len(times_s), block_frames):
        part = slice(start, start + block_frames)
        cutter.add(SeriesBlock(times_s[part], {"level": values[part]}))
    return cutter


def analysed(folder: Path, samples: Floats, segments: Segmentation) -> Analysis:
    recording = folder / "recording.wav"
    soundfile.write(recording, samples, RATE_HZ, subtype="FLOAT")
    plan = Plan(("loudness", "spectral"), segments=segments)
    return analyse(recording, Container.WAV, AudioLimits(), plan, lambda _: None)
