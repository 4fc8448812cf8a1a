"""Whatever its length, rate and number of channels, a recording decodes to what was written, from any place."""

import io
from itertools import accumulate

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.decode import BLOCK_FRAMES, AudioLimits, open_audio
from audio.errors import EmptyRecordingError
from audio.format import Container
from tests.muxing import Signal

LIMITS = AudioLimits()
RATES_HZ = [8000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000, 250_000, 256_000, 384_000]
_EDGES = [1, 2, 255, 256, 257, 4095, 4096, 4097, BLOCK_FRAMES - 1, BLOCK_FRAMES, BLOCK_FRAMES + 1]
_STORED = {
    (Container.WAV, "PCM_16"): 2**-15,
    (Container.WAV, "PCM_24"): 2**-23,
    (Container.WAV, "FLOAT"): 0.0,
    (Container.AIFF, "PCM_24"): 2**-23,
    (Container.W64, "PCM_24"): 2**-23,
    (Container.CAF, "PCM_16"): 2**-15,
    (Container.FLAC, "PCM_16"): 2**-15,
    (Container.FLAC, "PCM_24"): 2**-23,
}

lengths = st.sampled_from(_EDGES) | st.integers(1, 20_000)
rates_hz = st.sampled_from(RATES_HZ)
channels = st.integers(1, 8)
ways = st.sampled_from(sorted(_STORED))


@given(length=lengths, rate_hz=rates_hz, channels=channels, way=ways, block=st.integers(1, 70_000))
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_decoded(
    length: int, rate_hz: int, channels: int, way: tuple[Container, str], block: int
) -> None:
    samples = _noise(length, channels)

    with open_audio(io.BytesIO(_stored(samples, rate_hz, way)), way[0], LIMITS) as stream:
        blocks = list(stream.blocks(max(block, length // 50)))

    assert (stream.format.rate_hz, stream.format.channels, stream.format.claimed_frames) == (rate_hz, channels, length)
    assert not stream.truncated
    decoded = np.concatenate(blocks, dtype=np.float32) * np.float32(stream.scale)
    np.testing.assert_allclose(decoded, samples, rtol=0, atol=_STORED[way])


@given(length=lengths, way=ways, places=st.lists(st.floats(0, 1), min_size=1, max_size=4), channels=channels)
@settings(max_examples=40, deadline=None)
def test_from_wherever_it_is_read_it_goes_on_to_the_end(
    length: int, way: tuple[Container, str], places: list[float], channels: int
) -> None:
    content = _stored(_noise(length, channels), 48_000, way)

    with open_audio(io.BytesIO(content), way[0], LIMITS) as stream:
        whole = np.concatenate(list(stream.blocks()))
        for share in places:
            place = int(share * length)
            assert stream.seek(place) == place
            np.testing.assert_array_equal(np.concatenate([whole[:0], *stream.blocks()]), whole[place:])


@given(way=ways, rate_hz=rates_hz, channels=channels, share=st.floats(0.2, 0.95))
@settings(max_examples=40, deadline=None)
def test_a_part_of_a_recording_is_that_part_and_says_so(
    way: tuple[Container, str], rate_hz: int, channels: int, share: float
) -> None:
    samples = _noise(30_000, channels)
    content = _stored(samples, rate_hz, way)

    with open_audio(io.BytesIO(content[: int(share * len(content))]), way[0], LIMITS) as stream:
        blocks = [block * np.float32(stream.scale) for block in stream.blocks(1000)]

    ends = list(accumulate(len(block) for block in blocks))
    assert ends[-1] < 30_000
    np.testing.assert_allclose(np.concatenate(blocks), samples[: ends[-1]], rtol=0, atol=_STORED[way])
    assert stream.truncation == f"{ends[-1]} of 30000 frames are there" or way[0] is Container.FLAC
    assert stream.truncated


@pytest.mark.parametrize("way", sorted(_STORED))
def test_of_no_length_is_empty(way: tuple[Container, str]) -> None:
    content = _stored(_noise(0, 2), 48_000, way)

    with pytest.raises(EmptyRecordingError), open_audio(io.BytesIO(content), way[0], LIMITS) as stream:
        next(stream.blocks())


def _noise(length: int, channels: int) -> Signal:
    return np.random.default_rng(length).uniform(-0.9, 0.9, (length, channels)).astype(np.float32)


def _stored(samples: Signal, rate_hz: int, way: tuple[Container, str]) -> bytes:
    target = io.BytesIO()
    soundfile.write(target, samples, rate_hz, format=way[0].upper(), subtype=way[1])
    return target.getvalue()
