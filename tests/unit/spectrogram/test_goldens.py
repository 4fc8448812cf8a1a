"""Real recordings look as they did when somebody last looked at them.

A digest that changes on purpose is copied from the failure, after the images were opened and judged; the engine's
version in `contracts.rendering` goes up with it. The digests hold with and without AVX2, FMA and AVX-512.
"""

import hashlib
from pathlib import Path

import pytest

from contracts.rendering import PRESETS, RenderParameters

from .drawing import drawn
from .slow import pixels

GOLDENS: list[tuple[str, RenderParameters, dict[str, str]]] = [
    (
        "spinetail.wav",
        RenderParameters(),
        {
            "thumbnail": "65c3fadd4936e33670ac1e66d24fb475",
            "standard": "1ca63e5127305e45faebf44bfe878ad5",
            "full": "9387f84670f8e22e96a09ece6d4fa6d4",
        },
    ),
    (
        "birds_10s.wav",
        PRESETS["birdsong"],
        {
            "thumbnail": "2502da11bada6eea98b850dbcf97a6a3",
            "standard": "69042bcc770f64074bfd9bf5faf800ae",
            "full": "424ee9cdf2ef4f962791c9557bb08372",
        },
    ),
    (
        "voice.flac",
        PRESETS["speech"],
        {
            "thumbnail": "8a9695c17fb2d113c0d9b907dc3a3b77",
            "standard": "c1059fa7e7eb3e8e08f60bbe0ff32558",
            "full": "22eed1d43cd2a0b1a1c14300c5cd3fa4",
        },
    ),
    (
        "music_fast.ogg",
        PRESETS["music"],
        {
            "thumbnail": "2cf977498daf089be93baffdb4e5333f",
            "standard": "bf1bba89022fc822fb3bff67b10ac346",
            "full": "9deff05e83894cc76508a48e931d2cb1",
        },
    ),
    (
        "voice.ogg",
        RenderParameters(scale="mel", channel="stacked"),
        {
            "thumbnail": "fe29c5a1f274e1ad28b0ce28f8fc5131",
            "standard": "7717686b7b3a18aeebd8851e6dcaa771",
            "full": "397287214d59e3dfbe61a9da0309154d",
        },
    ),
    (
        "rugr_drum.wav",
        RenderParameters(pool="mean", window="blackman"),
        {
            "thumbnail": "1c0d63bd9c1ab49f2e09d51d014972be",
            "standard": "db7464263468fcde9ac13fad7054acf0",
            "full": "52f227fbec64a416069bfc2cd7e35cdd",
        },
    ),
    (
        "1min.wav",
        RenderParameters(reference="full_scale", floor_db=-120),
        {
            "thumbnail": "a0797782e522ccd1b5c990cd67b6a85d",
            "standard": "bc79bc07539d7545445e1a60dd0c9f53",
            "full": "ed615c0d77b4c65fe9bff1c8221dfd30",
        },
    ),
]


@pytest.mark.recordings
@pytest.mark.parametrize(("name", "parameters", "digests"), GOLDENS)
def test_a_real_recording_looks_as_it_did(
    recordings: Path, name: str, parameters: RenderParameters, digests: dict[str, str]
) -> None:
    images = drawn(recordings / name, parameters).images

    assert {each: hashlib.sha256(pixels(image).tobytes()).hexdigest()[:32] for each, image in images.items()} == digests
