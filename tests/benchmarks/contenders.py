"""Ways to draw a spectrogram in Python, ours among them, and the bounds; runs one of them as a program.

    python -m tests.benchmarks.contenders dawnchorus long.wav 5

prints the seconds of each run and the peak of memory as JSON.
"""

import importlib
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from audio.decode import AudioLimits, AudioStream, open_audio
from audio.sniff import sniff_source
from contracts.rendering import RenderParameters
from services.spectrogram.geometry import max_hop, plan
from services.spectrogram.render import render

from .figures import measured
from .spectrogram import HEIGHT, WIDTH

WINDOW, EARLIER_HOP = 2048, 512
_BATCH = 64
# As services.spectrogram.settings has it, which would bring the memory of a whole service along.
_TILE_COLUMNS = 8192


def dawnchorus(recording: Path) -> None:
    """Decode once, draw three images, as PNG bytes."""
    with recording.open("rb") as head:
        container = sniff_source(head)
    render(recording, container, AudioLimits(), RenderParameters(), lambda _: None)


def dawnchorus_and_tiles(recording: Path) -> None:
    """Draw the tiles for zooming as well, as an upload's job does."""
    with recording.open("rb") as head:
        container = sniff_source(head)
    render(recording, container, AudioLimits(), RenderParameters(), lambda _: None, pyramid_columns=_TILE_COLUMNS)


def earlier(recording: Path) -> None:
    """Draw one image as the earlier system did: everything in memory, colours per pixel, Lanczos, optimized PNG."""
    librosa, colours, pillow = _module("librosa"), _module("matplotlib").colormaps["viridis"], _module("PIL.Image")
    samples, _ = librosa.load(recording, sr=None, mono=True)
    spectrum = np.abs(librosa.stft(samples, n_fft=WINDOW, hop_length=EARLIER_HOP))
    level_db = librosa.amplitude_to_db(spectrum, ref=np.max, top_db=80)
    shades = (colours((level_db + 80) / 80)[::-1, :, :3] * 255).astype(np.uint8)
    image = pillow.fromarray(shades).resize((WIDTH, HEIGHT), pillow.Resampling.LANCZOS)
    image.save(io.BytesIO(), "PNG", optimize=True)


def specshow(recording: Path, target: Path | None = None) -> None:
    """Draw one image with axes, as the tutorials of librosa do; into memory where no `target` is given."""
    librosa = _module("librosa")
    _module("matplotlib").use("Agg")
    pyplot, display = _module("matplotlib.pyplot"), _module("librosa.display")
    samples, rate_hz = librosa.load(recording, sr=None, mono=True)
    level_db = librosa.amplitude_to_db(np.abs(librosa.stft(samples, n_fft=WINDOW, hop_length=EARLIER_HOP)), ref=np.max)
    figure, axes = pyplot.subplots(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100)
    display.specshow(level_db, sr=rate_hz, hop_length=EARLIER_HOP, x_axis="time", y_axis="linear", ax=axes)
    figure.savefig(target or io.BytesIO(), format="png")
    pyplot.close(figure)


def transforms_alone(recording: Path) -> None:
    """Do as many float32 FFTs as our images take, and nothing else."""
    with _opened(recording) as stream:
        count = plan(stream.expected_frames, stream.format.rate_hz, max_hop(RenderParameters())).frames
    frames = np.random.default_rng(1).normal(0, 1, (_BATCH, WINDOW)).astype(np.float32)
    spectra = np.empty_like(frames)
    for _ in range(-(-count // _BATCH)):
        cv2.dft(frames, dst=spectra, flags=cv2.DFT_ROWS)


def decoding_alone(recording: Path) -> None:
    """Decode, and drop what comes."""
    with _opened(recording) as stream:
        for _ in stream.blocks():
            pass


CONTENDERS: dict[str, Callable[[Path], None]] = {
    each.__name__: each
    for each in (dawnchorus, dawnchorus_and_tiles, earlier, specshow, transforms_alone, decoding_alone)
}


def _opened(recording: Path) -> AudioStream:
    with recording.open("rb") as head:
        return open_audio(recording, sniff_source(head), AudioLimits())


def _module(name: str) -> Any:
    """Import late: what one contender imports must not slow or swell another one."""
    return importlib.import_module(name)


if __name__ == "__main__":
    contender, path, wanted_runs = sys.argv[1:]
    print(json.dumps(measured(CONTENDERS[contender], Path(path), int(wanted_runs))))  # noqa: T201 - a program
