"""The same pictures, computed the plain and slow way: librosa, float64, one loop per pixel row and column."""

import io
import warnings

import librosa
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from services.spectrogram.geometry import BINS, FFT_SIZE, Plan, Pool
from services.spectrogram.render import Image

Power = npt.NDArray[np.float32]
Indices = npt.NDArray[np.uint8]


def power_spectrogram(samples: npt.NDArray[np.float32], hop: int) -> Power:
    """Return librosa's |STFT|², (frames, BINS)."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="n_fft=.* is too large")
        spectrum = librosa.stft(samples, n_fft=FFT_SIZE, hop_length=hop, center=True, pad_mode="constant")
    power: Power = (np.abs(spectrum) ** 2).T
    return power


def pixel_power(power: Power, outline: Plan, *, width: int, height: int, pool: Pool) -> Power:
    """Pool frames into columns, columns into pixels, bins into rows; lowest frequency first."""
    column_of_frame = [t * outline.columns // outline.frames for t in range(len(power))]
    columns = column_of_frame[-1] + 1
    pixel_of_frame = np.array([column * width // columns for column in column_of_frame])
    row_of_bin = np.array([min(height - 1, k * height // (BINS - 1)) for k in range(BINS)])
    join = np.max if pool == "max" else np.mean
    columns_power = np.stack([join(power[pixel_of_frame == x], axis=0) for x in range(width)])
    return np.stack([join(columns_power[:, row_of_bin == y], axis=1) for y in range(height)])


def indices(power: Power, reference: float, floor_db: float = -80.0) -> Indices:
    """Round decibels to 0 to 255, as the definition says."""
    level_db = 10 * np.log10(np.maximum(power.astype(np.float64) / reference, 1e-30))
    scaled = np.clip((level_db - floor_db) / -floor_db * 255, 0, 255)
    return np.floor(scaled + 0.5).astype(np.uint8)


def pixels(image: Image) -> Indices:
    """Return the palette indices of a PNG, lowest frequency first."""
    with PillowImage.open(io.BytesIO(image.png)) as opened:
        assert opened.mode == "P"
        return np.asarray(opened)[::-1]
