"""Whatever comes, decoding ends as documented, within five CPU seconds and 500 MB; `pytest -rP` shows the table."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from .hostile import ENDS, LIES, PLAYLISTS, POLYGLOTS, STORED, sound
from .measured import Measured, Meter, meter

PEAK_LIMIT_MB = 500
_CUTS = (1, 3, 4, 11, 12, 20, 36, 44, 60, 100, 300, 1000, 5000)
_SHARES = (0.25, 0.5, 0.75, 0.95)
_FLIPPED = 12


@pytest.fixture(scope="module")
def decoder() -> Iterator[Meter]:
    with meter() as measuring:
        yield measuring


@pytest.mark.parametrize("case", [*LIES, *POLYGLOTS])
def test_a_lie_ends_as_what_it_is(decoder: Meter, tmp_path: Path, case: str) -> None:
    make, expected = (LIES | POLYGLOTS)[case]

    assert _ended(decoder, tmp_path, case, make()) in expected


@pytest.mark.parametrize("suffix", ["wav", "mp3", "m4a"])
@pytest.mark.parametrize("case", PLAYLISTS)
def test_a_playlist_is_unsupported_under_any_name(decoder: Meter, tmp_path: Path, case: str, suffix: str) -> None:
    assert _ended(decoder, tmp_path, f"{case}.{suffix}", PLAYLISTS[case]) == "unsupported"


@pytest.mark.parametrize("name", STORED)
def test_a_recording_cut_off_anywhere_ends_in_a_documented_way(decoder: Meter, tmp_path: Path, name: str) -> None:
    whole = sound(name)
    places = [*_CUTS, *(int(share * len(whole)) for share in _SHARES), len(whole) - 1]

    ends = {place: _ended(decoder, tmp_path, f"{name}, the first {place}", whole[:place]) for place in places}

    assert set(ends.values()) <= ENDS
    assert ends[1] in {"unsupported", "not_decodable", "empty"}


@pytest.mark.parametrize("name", STORED)
def test_flipped_bits_end_in_a_documented_way(decoder: Meter, tmp_path: Path, name: str) -> None:
    for seed in range(_FLIPPED):
        generator = np.random.default_rng(seed)
        content = np.frombuffer(sound(name), dtype=np.uint8).copy()
        # Half of them in the header, where they hurt most.
        reach = len(content) if seed % 2 else min(len(content), 600)
        content[generator.integers(0, reach, 8)] ^= np.uint8(1) << generator.integers(0, 8, 8, dtype=np.uint8)

        assert _ended(decoder, tmp_path, f"{name}, bits flipped by {seed}", content.tobytes()) in ENDS


def _ended(decoder: Meter, folder: Path, case: str, content: bytes) -> str:
    recording = folder / "recording"
    recording.write_bytes(content)
    found = decoder.decode(recording)
    sys.stdout.write(_line(case, found))
    assert found.peak_mb < PEAK_LIMIT_MB
    return found.ended


def _line(case: str, found: Measured) -> str:
    return f"{case:50} {found.ended:18} {found.cpu_s:6.2f} s {found.peak_mb:5.0f} MB\n"
