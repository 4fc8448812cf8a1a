"""The same pictures, computed the plain and slow way: one loop per frame, column and row, definitions as written."""

import io
import math
import warnings
from collections.abc import Callable

import librosa
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from contracts.rendering import RenderParameters
from contracts.tiles import TILE_PX
from services.spectrogram.geometry import Plan, max_hop, plan
from services.spectrogram.image import Image
from services.spectrogram.pooling import power_of
from services.spectrogram.render import Rendering
from services.spectrogram.stft import SpectrumStream
from services.spectrogram.windows import full_scale_power

Power = npt.NDArray[np.float32]
Indices = npt.NDArray[np.uint8]


def librosa_power(samples: npt.NDArray[np.float32], parameters: RenderParameters, hop: int) -> Power:
    """Return librosa's |STFT|², (frames, bins)."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="n_fft=.* is too large")
        spectrum = librosa.stft(
            samples,
            n_fft=parameters.window_size,
            hop_length=hop,
            window=parameters.window,
            center=True,
            pad_mode="constant",
        )
    power: Power = (np.abs(spectrum) ** 2).T
    return power


def engine_power(samples: npt.NDArray[np.float32], parameters: RenderParameters, hop: int) -> Power:
    """Return the engine's power of all bins, (frames, bins), of samples that come at once."""
    bins = parameters.window_size // 2 + 1
    stream = SpectrumStream(parameters.window, parameters.window_size, hop=hop, scale=1.0)
    power = [power_of(spectra, 0, bins) for spectra in stream.push(samples)]
    return np.concatenate([*power, *(power_of(spectra, 0, bins) for spectra in stream.finish())])


def outline_of(samples: npt.NDArray[np.float32], rate_hz: int, parameters: RenderParameters) -> Plan:
    return plan(len(samples), rate_hz, max_hop(parameters))


def row_of_bin(number: int, rate_hz: int, height: int, parameters: RenderParameters) -> int | None:
    """Return the row of one bin, None where it is outside the band."""
    bin_hz = rate_hz / parameters.window_size
    low = max(parameters.f_min_hz, bin_hz) if parameters.scale == "log" else parameters.f_min_hz
    high = min(parameters.f_max_hz or rate_hz / 2, rate_hz / 2)
    if not low - 1e-6 <= number * bin_hz <= high + 1e-6:
        return None
    on_scale: Callable[[float], float] = {
        "linear": float,
        "log": math.log2,
        "mel": lambda frequency_hz: float(librosa.hz_to_mel(frequency_hz)),
    }[parameters.scale]
    share = (on_scale(number * bin_hz) - on_scale(low)) / (on_scale(high) - on_scale(low))
    return min(height - 1, max(0, int(np.floor(share * height + 1e-9))))


def pixel_power(
    power: Power, outline: Plan, rate_hz: int, width: int, height: int, parameters: RenderParameters
) -> Power:
    """Pool frames into columns, columns into pixels, bins into rows; (height, width), lowest frequency first."""
    column_of_frame = [t * outline.columns // outline.frames for t in range(len(power))]
    columns = column_of_frame[-1] + 1
    pixel_of_frame = np.array([column * width // columns for column in column_of_frame])
    rows = [row_of_bin(k, rate_hz, height, parameters) for k in range(power.shape[1])]
    join = np.max if parameters.pool == "max" else np.mean
    narrow = np.stack([join(power[pixel_of_frame == x], axis=0) for x in range(width)])
    filled = sorted({row for row in rows if row is not None})
    nearest = [min(filled, key=lambda row: (abs(row - y), row)) for y in range(height)]
    return np.stack([join(narrow[:, [row == y for row in rows]], axis=1) for y in nearest])


def loudest_power(
    power: Power, outline: Plan, rate_hz: int, width: int, height: int, parameters: RenderParameters
) -> float:
    """Return the power of the loudest pixel in rows without any of the three lowest bins, or of all where none is."""
    rows = [row_of_bin(k, rate_hz, height, parameters) for k in range(power.shape[1])]
    heard = sorted({row for row in rows if row is not None} - set(rows[:3]))
    drawn = pixel_power(power, outline, rate_hz, width, height, parameters)
    return float(drawn[heard].max()) if heard else float(drawn.max())


def indices(power: Power, reference: float, floor_db: float = -80.0, ceiling_db: float = 0.0) -> Indices:
    """Round decibels to 0 to 255, as the definition says."""
    level_db = 10 * np.log10(np.maximum(power.astype(np.float64) / reference, 1e-30))
    scaled = np.clip((level_db - floor_db) / (ceiling_db - floor_db) * 255, 0, 255)
    return np.floor(scaled + 0.5).astype(np.uint8)


def tile_rows(samples: npt.NDArray[np.float32], hop: int) -> Power:
    """Return the power of each window in each row of a tile, (windows, TILE_PX), lowest frequency first."""
    power = engine_power(samples, RenderParameters(), hop)
    parts = [power[:, 2 * row : 2 * row + (3 if row == TILE_PX - 1 else 2)] for row in range(TILE_PX)]
    return np.stack([part.max(axis=1) for part in parts], axis=1)


def tile_level(rows: Power, windows: int) -> Indices:
    """Return the level of tiles whose columns have so many windows, as one image, highest frequency first."""
    columns = [rows[start : start + windows].max(axis=0) for start in range(0, len(rows), windows)]
    return indices(np.stack(columns), full_scale_power("hann", 2048), -124.5, 3.0).T[::-1]


def pixels(image: Image) -> Indices:
    """Return the palette indices of a PNG, lowest frequency first."""
    with PillowImage.open(io.BytesIO(image.png)) as opened:
        assert opened.mode == "P"
        return np.asarray(opened)[::-1]


def pairs(
    rendering: Rendering,
    samples: npt.NDArray[np.float32],
    rate_hz: int,
    parameters: RenderParameters,
    names: tuple[str, ...] = ("thumbnail", "standard", "full"),
) -> list[tuple[Indices, Indices]]:
    """Return the palette indices of each image, as drawn and as they should be."""
    outline = outline_of(samples, rate_hz, parameters)
    power = engine_power(samples, parameters, outline.hop)
    full = rendering.images["full"].geometry
    reference = loudest_power(power, outline, rate_hz, full.width, full.height, parameters)
    if parameters.reference == "full_scale":
        reference = full_scale_power(parameters.window, parameters.window_size)
    compared = []
    for name in names:
        image = rendering.images[name]
        geometry = image.geometry
        expected = pixel_power(power, outline, rate_hz, geometry.width, geometry.height, parameters)
        compared.append((pixels(image), indices(expected, reference, parameters.floor_db, parameters.ceiling_db)))
    return compared
