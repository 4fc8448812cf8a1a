"""Windows of mel spectrum are collected once for all who ask for the same length."""

import numpy as np

from services.analysis.shared import Input, MelWindow

from .signals import RATE_HZ, Floats, noise, shared_blocks


def test_who_asks_for_the_same_length_gets_the_same_windows() -> None:
    for block in shared_blocks(noise(duration_s=3), needs={Input.MUSIC_MEL}):
        first, second = block.mel_windows(1.0), block.mel_windows(1.0)

        assert all(one is other for one, other in zip(first, second, strict=True))


def test_windows_of_every_length_hold_all_frames_once_whatever_the_blocks() -> None:
    samples = noise(duration_s=3)
    [power] = [window.power for window in _windows(samples, 600.0, block_frames=RATE_HZ)]

    for window_s in (0.1, 1.0, 2.5):
        windows = _windows(samples, window_s, block_frames=10_000)

        np.testing.assert_allclose(np.concatenate([window.power for window in windows]), power, rtol=1e-4, atol=1e-9)
        assert [window.start_frame for window in windows] == [
            number * len(windows[0].power) for number in range(len(windows))
        ]


def _windows(samples: Floats, window_s: float, *, block_frames: int) -> list[MelWindow]:
    blocks = shared_blocks(samples, needs={Input.MUSIC_MEL}, block_frames=block_frames)
    return [window for block in blocks for window in block.mel_windows(window_s)]
