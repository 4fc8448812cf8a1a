import io
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as PillowImage
from PIL.PngImagePlugin import PngImageFile

from audio.decode import AudioLimits, open_audio
from audio.errors import InvalidSamplesError
from audio.sniff import sniff_source
from contracts.rendering import RenderParameters
from services.spectrogram.first_look import COLUMNS, FirstLook, first_look
from services.spectrogram.render import render
from tests.audio import encode, tone, write

RATE_HZ = 16_000


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "m4a", "opus"])
def test_a_tone_is_where_and_when_it_sounds_in_every_codec(tmp_path: Path, suffix: str) -> None:
    make = encode if suffix in {"mp3", "m4a", "opus"} else write
    recording = make(tmp_path / f"tones.{suffix}", _two_tones(), RATE_HZ)

    look = _look(recording)

    assert look is not None
    rows = 200 - 1 - _pixels(look).argmax(axis=0)
    found_hz = (rows + 0.5) * look.geometry.hz_per_px
    times_s = (np.arange(COLUMNS) + 0.5) * look.geometry.seconds_per_px
    before, after = times_s < 39, times_s > 41
    assert np.abs(found_hz[before] - 1000).max() < 100
    assert np.abs(found_hz[after] - 4000).max() < 100


def test_it_looks_like_the_thumbnail_that_the_pass_makes(tmp_path: Path) -> None:
    recording = write(tmp_path / "tones.wav", _two_tones(), RATE_HZ)
    with recording.open("rb") as opened:
        container = sniff_source(opened)

    look = _look(recording)
    true = render(recording, container, AudioLimits(), RenderParameters(), lambda _: None).images["thumbnail"]

    assert look is not None
    with PillowImage.open(io.BytesIO(true.png)) as opened_png:
        narrowed = np.asarray(opened_png)[:, np.linspace(5, 794, COLUMNS).astype(int)]
    loud = narrowed > 128
    assert np.abs(_pixels(look).astype(int) - narrowed)[loud].mean() < 3


def test_it_says_that_it_is_approximate(tmp_path: Path) -> None:
    look = _look(write(tmp_path / "tones.wav", _two_tones(), RATE_HZ))

    assert look is not None
    assert look.approximate
    with PillowImage.open(io.BytesIO(look.png)) as opened:
        assert isinstance(opened, PngImageFile)
        assert json.loads(opened.text["dawnchorus"])["approximate"] is True


@pytest.mark.parametrize("suffix", ["wav", "flac"])
@pytest.mark.parametrize("readers", [2, 7, 16])
def test_many_readers_see_what_one_sees(tmp_path: Path, suffix: str, readers: int) -> None:
    recording = write(tmp_path / f"tones.{suffix}", _two_tones(), RATE_HZ)

    assert _look(recording, readers) == _look(recording)


def test_what_goes_wrong_with_one_reader_is_raised(tmp_path: Path) -> None:
    samples = _two_tones()
    samples[len(samples) * 3 // 4 :] = np.nan
    recording = write(tmp_path / "tones.wav", samples, RATE_HZ, subtype="FLOAT")

    with pytest.raises(InvalidSamplesError):
        _look(recording, readers=4)


def test_a_short_recording_needs_none(tmp_path: Path) -> None:
    assert _look(write(tmp_path / "tone.wav", tone(duration_s=5))) is None


def test_a_recording_of_unknown_length_has_none(tmp_path: Path) -> None:
    content = bytearray(write(tmp_path / "tones.flac", _two_tones(), RATE_HZ).read_bytes())
    content[21:26] = (int.from_bytes(content[21:26], "big") >> 36 << 36).to_bytes(5, "big")
    recording = tmp_path / "pipe.flac"
    recording.write_bytes(content)

    assert _look(recording) is None


def test_the_end_of_a_truncated_recording_is_at_the_floor(tmp_path: Path) -> None:
    whole = write(tmp_path / "noise.flac", _noise(80), RATE_HZ).read_bytes()
    recording = tmp_path / "cut.flac"
    recording.write_bytes(whole[: len(whole) // 2])

    look = _look(recording)

    assert look is not None
    assert _pixels(look)[:, : COLUMNS // 3].min(axis=0).max() > 0
    assert not _pixels(look)[:, -COLUMNS // 3 :].any()


def test_silence_is_at_the_floor(tmp_path: Path) -> None:
    look = _look(write(tmp_path / "silence.wav", np.zeros((80 * 8000, 1), dtype=np.float32), 8000))

    assert look is not None
    assert not _pixels(look).any()


def _look(recording: Path, readers: int = 1) -> FirstLook | None:
    with recording.open("rb") as opened:
        container = sniff_source(opened)
    return first_look(lambda: open_audio(recording, container, AudioLimits()), RenderParameters(), readers=readers)


def _pixels(look: FirstLook) -> npt.NDArray[np.uint8]:
    with PillowImage.open(io.BytesIO(look.png)) as opened:
        return np.asarray(opened)


def _two_tones() -> npt.NDArray[np.float32]:
    low = tone(1000, duration_s=40, rate_hz=RATE_HZ)
    return np.concatenate([low, tone(4000, duration_s=40, rate_hz=RATE_HZ)])


def _noise(duration_s: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(2).uniform(-0.3, 0.3, (duration_s * RATE_HZ, 1)).astype(np.float32)
