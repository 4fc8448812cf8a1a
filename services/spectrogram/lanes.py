"""The one pass over a recording: each lane is a channel, or the mix, on its way to columns."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from audio.decode import AudioStream, Block, mono
from contracts.rendering import RenderParameters

from .clock import StageClock
from .columns import ColumnPool, Columns
from .errors import NoSuchChannelError
from .geometry import DENSEST_S, SIZES, Plan, max_hop, plan
from .pcen import EnergyNormalizer
from .peaks import PeakPool
from .pooling import power_of
from .pyramid import tile_columns
from .rows import Bands
from .scales import FrequencyAxis, frequency_axis
from .stft import Samples, Spectra, SpectrumStream

# Each telling writes a file: a day has 30,000 blocks.
_PROGRESS_STEP = 0.005


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass found: columns of each lane, and which bins they pool.

    tiles  the columns of the finest stored tiles; None where none are wanted, or where channels are stacked
    """

    outline: Plan
    lanes: tuple[Columns, ...]
    tiles: Columns | None
    axis: FrequencyAxis
    bands: Bands
    peaks: PeakPool | None
    transforms: int


def pooled_pass(
    stream: AudioStream,
    parameters: RenderParameters,
    on_progress: Callable[[float], None],
    clock: StageClock,
    *,
    pyramid_columns: int = 0,
    with_peaks: bool = True,
) -> Pass:
    """Pool the whole of `stream` into columns; memory depends on the images, and on the pyramid's width, alone."""
    rate_hz = stream.format.rate_hz
    axis = frequency_axis(parameters, rate_hz)
    blocks = stream.blocks()
    opening, expected_frames = _opening(stream, blocks)
    outline = plan(expected_frames, rate_hz, max_hop(parameters))
    count = _lane_count(stream.format.channels, parameters)
    bands = Bands.of(axis, tuple(size.panel_height(count) for size in SIZES))
    lanes = [_Lane(outline, axis, bands, stream, parameters) for _ in range(count)]
    if pyramid_columns and count == 1:
        lanes[0].add_tiles(axis, capacity=pyramid_columns)
    peaks = PeakPool(stream.scale) if with_peaks else None
    told = 0.0
    for block in chain(opening, blocks):
        clock.charge("decode")
        mix = mono(block)
        if peaks is not None:
            peaks.add(mix)
        for lane, samples in zip(lanes, _samples(block, mix, parameters), strict=True):
            lane.take(samples)
        clock.charge("transform")
        share = min(1.0, stream.decoded_frames / (stream.expected_frames or stream.decoded_frames))
        if stream.expected_frames and share >= told + _PROGRESS_STEP:
            on_progress(told := share)
    columns = tuple(lane.columns(rate_hz) for lane in lanes)
    tiles = lanes[0].tiles(rate_hz)
    clock.charge("transform")
    return Pass(outline, columns, tiles, axis, bands, peaks, sum(lane.transformed for lane in lanes))


class _Lane:
    def __init__(
        self, outline: Plan, axis: FrequencyAxis, bands: Bands, stream: AudioStream, parameters: RenderParameters
    ) -> None:
        self._axis = axis
        self._spectra = SpectrumStream(parameters.window, parameters.window_size, hop=outline.hop, scale=stream.scale)
        self._outline = outline
        self._tiles: ColumnPool | None = None
        rate_hz = stream.format.rate_hz
        self._normalizer = EnergyNormalizer(rate_hz, outline.hop, axis.bins) if parameters.pcen else None
        self._pool = ColumnPool(outline, bands, parameters.pool, first_bin=axis.first, capacity=outline.capacity)

    @property
    def transformed(self) -> int:
        return self._spectra.transformed

    def add_tiles(self, axis: FrequencyAxis, *, capacity: int) -> None:
        """Pool tiles, too: in decibels whatever the images show."""
        self._tiles = tile_columns(self._outline, axis, capacity=capacity)

    def take(self, samples: Samples) -> None:
        self._add_all(self._spectra.push(samples))

    def columns(self, rate_hz: int) -> Columns:
        self._add_all(self._spectra.finish())
        return self._pool.columns(rate_hz)

    def tiles(self, rate_hz: int) -> Columns | None:
        return None if self._tiles is None else self._tiles.columns(rate_hz)

    def _add_all(self, batches: Iterator[Spectra]) -> None:
        for spectra in batches:
            if self._tiles is not None:
                self._tiles.add_spectra(spectra)
            if self._normalizer is None:
                self._pool.add_spectra(spectra)
            else:
                power = power_of(spectra, self._axis.first, self._axis.bins)
                self._pool.add_power(self._normalizer.normalized(power))


def _opening(stream: AudioStream, blocks: Iterator[Block]) -> tuple[list[Block], int | None]:
    """Return how many frames to expect, and the blocks that were decoded to learn it.

    Where nothing is claimed, that is the start as far as a recording may be short; one that ends there is known.
    """
    if stream.expected_frames:
        return [], stream.expected_frames
    opening = []
    for block in blocks:
        opening.append(block.copy())
        if stream.decoded_duration_s >= DENSEST_S:
            return opening, None
    return opening, stream.decoded_frames


def _lane_count(channels: int, parameters: RenderParameters) -> int:
    if parameters.channel == "stacked":
        return channels
    if isinstance(parameters.channel, int) and parameters.channel >= channels:
        raise NoSuchChannelError(parameters.channel, channels)
    return 1


def _samples(block: Block, mix: Samples, parameters: RenderParameters) -> list[Samples]:
    if parameters.channel == "mix":
        return [mix]
    if parameters.channel == "stacked":
        return [block[:, channel] for channel in range(block.shape[1])]
    return [block[:, parameters.channel]]
