"""Spectra by PyTorch are OpenCV's within rounding, in batches that fit; where nothing fits, the CPU goes on."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio.decode import AudioLimits
from audio.sniff import Container
from services.analysis.analyse import analyse
from services.analysis.errors import DeviceFailedError
from services.analysis.framed import FRAME_LENGTH, HOP, Spectra
from services.analysis.mel import mel_filters
from services.analysis.on_device import FRAMES_AHEAD
from services.analysis.plan import Plan
from services.analysis.results import Analysis
from services.analysis.shared import Input, SharedBlock
from tests.torch_device import FakeGpu, torch, torch_stft

from .signals import Floats, noise, shared_blocks

TorchSpectra = torch_stft.TorchSpectra
BYTES_PER_FRAME, RESERVE_BYTES = torch_stft.BYTES_PER_FRAME, torch_stft.RESERVE_BYTES
FRAMES = 300
FILTERS = mel_filters(22_050, bins=1025, bands=128)
EVERYTHING = tuple(Input)
EXTRACTORS = ("spectral", "mel", "mfcc", "chroma", "pitch")
ROUNDING = 1e-6


@pytest.mark.parametrize("rate_hz", [8000, 22_050, 44_100, 96_000])
@pytest.mark.parametrize("duration_s", [0.01, 0.5, 40.0])
def test_a_device_gives_the_blocks_that_there_are_without_it(rate_hz: int, duration_s: float) -> None:
    samples = noise(duration_s=duration_s, rate_hz=rate_hz)

    expected, found = (
        list(shared_blocks(samples, rate_hz, needs=EVERYTHING, device=device))
        for device in (None, TorchSpectra(FakeGpu()))
    )

    for ours, theirs in zip(expected, found, strict=True):
        assert np.array_equal(ours.samples, theirs.samples)
        assert np.array_equal(ours.sounding, theirs.sounding)
        for one, other in zip(arrays(ours), arrays(theirs), strict=True):
            assert other.dtype == np.float32
            assert one.shape == other.shape
            assert np.abs(one - other).max(initial=0) <= ROUNDING * np.abs(one).max(initial=0)


def test_only_what_is_needed_is_computed_on_the_device() -> None:
    def frames_given(*needs: Input) -> int:
        gpu = FakeGpu()
        for _ in shared_blocks(noise(duration_s=1), needs=needs, device=TorchSpectra(gpu)):
            pass
        return sum(gpu.given)

    native, music = 1 + 44_100 // HOP, 1 + 22_050 // HOP

    assert frames_given(Input.SAMPLES) == frames_given(Input.MUSIC) == 0
    assert frames_given(Input.SPECTRUM) == native
    assert frames_given(Input.MUSIC_MEL) == frames_given(Input.MUSIC_CHROMA) == music
    assert frames_given(*EVERYTHING) == native + music


def test_blocks_wait_until_there_are_enough_frames_for_a_device_and_no_longer() -> None:
    gpu = FakeGpu()

    for _ in shared_blocks(noise(duration_s=60), device=TorchSpectra(gpu)):
        pass

    *full, rest = gpu.given
    assert all(FRAMES_AHEAD <= frames < FRAMES_AHEAD + 64 for frames in full)
    assert (len(full), sum(full) + rest) == (2, 1 + 60 * 44_100 // HOP)


def test_a_batch_is_what_the_memory_holds_beside_the_reserve() -> None:
    gpu = FakeGpu(free=RESERVE_BYTES + 100 * BYTES_PER_FRAME)

    assert spectra(gpu) == without_limits()
    assert gpu.given == [100, 100, 100]


def test_where_less_than_the_reserve_is_free_frames_go_one_by_one() -> None:
    gpu = FakeGpu(free=RESERVE_BYTES // 2)

    assert spectra(gpu) == without_limits()
    assert gpu.given == [1] * FRAMES


def test_a_batch_that_exhausts_the_memory_is_halved_until_it_fits_and_stays_so() -> None:
    gpu = FakeGpu(frames_max=80)
    device = TorchSpectra(gpu)

    first, second = (Same(device.spectra(signal(), FILTERS)) for _ in range(2))

    assert first == second == without_limits()
    assert gpu.given == [300, 150, 75, 75, 75, 75, *[75] * 4]


def test_one_frame_is_the_least_and_then_the_device_gives_up() -> None:
    one, none = FakeGpu(frames_max=1), FakeGpu(frames_max=0)

    assert spectra(one) == without_limits()
    with pytest.raises(DeviceFailedError, match=r"^The device cuda gave up: CUDA out of memory.*1 frames\.$"):
        spectra(none)
    assert none.given == [300, 150, 75, 37, 18, 9, 4, 2, 1]


def test_what_is_estimated_of_a_frame_is_more_than_tensors_take_but_not_twice_as_much() -> None:
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profiled:
        TorchSpectra(CopyingGpu()).spectra(signal(1000), FILTERS)

    events = [each for each in profiled.profiler.kineto_results.events() if each.name() == "[memory]"]
    taken = np.cumsum([each.nbytes() for each in sorted(events, key=lambda each: each.start_ns())])
    assert BYTES_PER_FRAME / 2 < taken.max() / 1000 < BYTES_PER_FRAME


def test_an_analysis_says_what_computed_its_spectra(tmp_path: Path) -> None:
    recording = written(tmp_path / "noise.wav", duration_s=3)

    assert analysed(recording, FakeGpu()).device == "cuda"
    assert analysed(recording, FakeGpu(), "loudness").device == "cpu"
    assert analysed(recording, None).device == "cpu"


@pytest.mark.parametrize("fault", [None, RuntimeError("CUDA error: unspecified launch failure\nAnd a hint.")])
def test_without_the_device_the_analysis_is_the_processors_with_a_warning(
    tmp_path: Path, fault: Exception | None
) -> None:
    recording = written(tmp_path / "noise.wav", duration_s=60)

    found = analysed(recording, FakeGpu(frames_max=0, fault=fault))

    assert [each.payload for each in found.extractors] == [
        each.payload for each in analysed(recording, None).extractors
    ]
    assert found.device == "cpu"
    [warning] = found.warnings
    said = "CUDA error: unspecified launch failure" if fault else "CUDA out of memory. Tried to hold 1 frames"
    assert warning.code == "device_failed"
    assert warning.sentence == f"The device cuda gave up: {said}. The rest was computed on the CPU."


def test_a_device_that_fails_is_asked_no_more_and_what_it_did_stands(tmp_path: Path) -> None:
    recording = written(tmp_path / "noise.wav", duration_s=60)
    gpu = FailsAfter(frames=2 * FRAMES_AHEAD)

    found = analysed(recording, gpu, "spectral")

    assert (found.device, [each.code for each in found.warnings]) == ("cuda", ["device_failed"])
    assert len(gpu.given) == 2
    [spectral], [expected] = found.extractors, analysed(recording, None, "spectral").extractors
    assert spectral.payload is not None
    assert expected.payload is not None
    assert spectral.payload["centroid"]["mean"] == pytest.approx(expected.payload["centroid"]["mean"], rel=ROUNDING)


class CopyingGpu(FakeGpu):
    """Has memory of its own, as a GPU has."""

    def upload(self, values: Floats) -> object:
        return super().upload(values).clone()


class FailsAfter(FakeGpu):
    """Loses its memory in the middle of a recording."""

    def __init__(self, *, frames: int) -> None:
        super().__init__()
        self._frames = frames

    def _take(self, frames: int) -> None:
        if sum(self.given) + frames > self._frames:
            self.fault = RuntimeError("CUDA error: the GPU has fallen off the bus")
        super()._take(frames)


class Same:
    """Spectra that compare by value."""

    def __init__(self, found: Spectra) -> None:
        self.arrays = (found.power, found.mel)

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, Same)
        return all(
            np.allclose(one, two, rtol=1e-5, atol=1e-5) for one, two in zip(self.arrays, other.arrays, strict=True)
        )


def signal(frames: int = FRAMES) -> Floats:
    """Return noise of so many frames."""
    return np.random.default_rng(1).normal(0, 0.1, (frames - 1) * HOP + FRAME_LENGTH).astype(np.float32)


def spectra(gpu: FakeGpu) -> Same:
    return Same(TorchSpectra(gpu).spectra(signal(), FILTERS))


def without_limits() -> Same:
    return spectra(FakeGpu())


def arrays(block: SharedBlock) -> list[Floats]:
    return [block.power, block.magnitude, block.music.power, block.music_mel]


def written(path: Path, *, duration_s: float) -> Path:
    soundfile.write(path, noise(duration_s=duration_s), 44_100, subtype="FLOAT")
    return path


def analysed(recording: Path, gpu: FakeGpu | None, *names: str) -> Analysis:
    device = None if gpu is None else TorchSpectra(gpu)
    return analyse(recording, Container.WAV, AudioLimits(), Plan(names or EXTRACTORS), lambda _: None, device)
