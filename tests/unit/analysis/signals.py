"""Signals to analyse, and the shortest way to have an extractor hear them."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import lfilter

from audio.decode import AudioLimits, mono, open_audio
from audio.sniff import sniff_source
from services.analysis.extractors import Accumulator, Extractor, SeriesSource, extractors_named
from services.analysis.on_device import SpectraDevice
from services.analysis.shared import Input, SharedBlock, SharedInputs

Floats = NDArray[np.float32]

RATE_HZ = 44_100
# The first three formants of a, i, u, e and o of a man, in Hz: Peterson and Barney (1952).
_VOWELS_HZ = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))
_FORMANT_WIDTHS_HZ = (60, 90, 150)


def load(recording: Path) -> tuple[Floats, int]:
    """Return the mono mix as librosa would load it, and the rate."""
    channels, rate_hz = soundfile.read(recording, dtype="float32", always_2d=True)
    return channels.mean(axis=1, dtype=np.float32), rate_hz


def at_16_khz(folder: Path) -> Iterator[tuple[str, Floats, int, Floats]]:
    """Yield each shared recording of 32 ms or more: name, samples, rate, and the samples that librosa makes of it."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".wav", ".flac", ".ogg", ".mp3"}:
            samples, rate_hz = load(path)
            if len(samples) / rate_hz >= 0.032:
                yield path.name, samples, rate_hz, librosa.resample(samples, orig_sr=rate_hz, target_sr=16_000)


def decoded(recording: Path) -> tuple[Floats, int]:
    """Return the mono mix as our own decoder gives it, and the rate."""
    with recording.open("rb") as source:
        container = sniff_source(source)
    with open_audio(recording, container, AudioLimits()) as stream:
        pieces = [mono(block) * np.float32(stream.scale) for block in stream.blocks()]
        return np.concatenate(pieces), stream.format.rate_hz


def shared_blocks(
    channels: Floats,
    rate_hz: int = RATE_HZ,
    *,
    needs: Collection[Input] = (Input.SPECTRUM,),
    block_frames: int = 65_536,
    device: SpectraDevice | None = None,
) -> Iterator[SharedBlock]:
    """Yield what extractors hear of (n, channels) or (n,) samples, decoded in blocks."""
    decoded = channels.reshape(len(channels), -1)
    inputs = SharedInputs(rate_hz=rate_hz, needs=needs, device=device)
    for start in range(0, len(decoded), block_frames):
        yield from inputs.push(decoded[start : start + block_frames], scale=1.0)
    yield from inputs.finish(channels=decoded.shape[1])


def heard(
    extractor: Extractor, channels: Floats, rate_hz: int = RATE_HZ, *, block_frames: int = 65_536
) -> dict[str, Any]:
    """Return what an extractor says of (n, channels) or (n,) samples."""
    measured, _ = heard_with_series(extractor, channels, rate_hz, block_frames=block_frames)
    return measured


def heard_with_series(
    extractor: Extractor, channels: Floats, rate_hz: int = RATE_HZ, *, block_frames: int = 65_536
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return what an extractor says, and its series by name, `times_s` among them."""
    width = channels.reshape(len(channels), -1).shape[1]
    accumulator = extractor.accumulator(rate_hz=rate_hz, channels=width)
    return all_heard(accumulator, shared_blocks(channels, rate_hz, needs={extractor.needs}, block_frames=block_frames))


def all_heard(
    accumulator: Accumulator, blocks: Iterable[SharedBlock]
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return what an extractor that just started says of these blocks, and its series by name."""
    pieces = []
    for block in blocks:
        accumulator.add(block)
        pieces.append(_next_series(accumulator))
    measured = accumulator.result()
    pieces.append(_next_series(accumulator))
    found = [piece for piece in pieces if piece is not None]
    series = {name: np.concatenate([piece[name] for piece in found]) for name in found[0]} if found else {}
    return measured, series


def _next_series(accumulator: Accumulator) -> dict[str, NDArray[Any]] | None:
    block = accumulator.series() if isinstance(accumulator, SeriesSource) else None
    return None if block is None else {"times_s": block.times_s, **block.values}


def payload(name: str, channels: Floats, rate_hz: int = RATE_HZ, *, block_frames: int = 65_536) -> dict[str, Any]:
    """Return what the named extractor says of (n, channels) or (n,) samples."""
    [extractor] = extractors_named([name])
    return heard(extractor, channels, rate_hz, block_frames=block_frames)


def sine(frequency_hz: float, *, duration_s: float, peak: float = 0.5, rate_hz: int = RATE_HZ) -> Floats:
    """Return a sine that starts at a zero crossing."""
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    return (peak * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)


def noise(*, duration_s: float, deviation: float = 0.1, seed: int = 0, rate_hz: int = RATE_HZ) -> Floats:
    """Return white noise."""
    samples = np.random.default_rng(seed).normal(0, deviation, round(duration_s * rate_hz))
    return np.clip(samples, -1, 1).astype(np.float32)


def clicks(times_s: NDArray[np.float64], *, duration_s: float) -> Floats:
    """Return a short burst of noise at each of the times, over a quiet floor."""
    samples = noise(duration_s=duration_s, deviation=0.001)
    burst = noise(duration_s=0.012, deviation=0.3, seed=1) * np.exp(-np.arange(round(0.012 * RATE_HZ)) / 100)
    for start in (times_s * RATE_HZ).astype(int):
        stop = min(start + len(burst), len(samples))
        samples[start:stop] += burst[: stop - start].astype(np.float32)
    return samples


def harmonic_tone(fundamental_hz: float, *, duration_s: float) -> Floats:
    """Return a tone with eight harmonics, each weaker than the one below."""
    partials = [sine(fundamental_hz * k, duration_s=duration_s, peak=0.3 / k) for k in range(1, 9)]
    return np.asarray(np.sum(partials, axis=0, dtype=np.float32))


def synthetic_speech(*, duration_s: float, f0_hz: float = 150, rate_hz: int = 16_000) -> Floats:
    """Return four syllables a second: glottal pulses through three formants that glide from vowel to vowel."""
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    pitch_hz = f0_hz * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * time_s) + 0.03 * np.sin(2 * np.pi * 3 * time_s))
    pulses = np.diff(np.floor(np.cumsum(pitch_hz) / rate_hz), prepend=0)
    voice = lfilter([1], [1, -0.95], pulses) + np.random.default_rng(0).normal(0, 0.005, len(time_s))
    memory = np.zeros((3, 2))
    hop = rate_hz // 100
    pieces = [
        _through_formants(voice[at : at + hop], 4 * at / rate_hz, rate_hz, memory) for at in range(0, len(voice), hop)
    ]
    syllables = np.concatenate(pieces) * (0.55 - 0.45 * np.cos(2 * np.pi * 4 * time_s))
    return np.asarray(0.5 * syllables / np.abs(syllables).max(), dtype=np.float32)


def _through_formants(piece: NDArray[Any], vowel: float, rate_hz: int, memory: NDArray[Any]) -> NDArray[Any]:
    left, right = (_VOWELS_HZ[(int(vowel) + step) % len(_VOWELS_HZ)] for step in (0, 1))
    for index, width_hz in enumerate(_FORMANT_WIDTHS_HZ):
        formant_hz = left[index] + (right[index] - left[index]) * (vowel % 1)
        radius = np.exp(-np.pi * width_hz / rate_hz)
        resonance = [1, -2 * radius * np.cos(2 * np.pi * formant_hz / rate_hz), radius**2]
        piece, memory[index] = lfilter([sum(resonance)], resonance, piece, zi=memory[index])
    return piece


def vibrato_tone(rate_hz: float, extent_cents: float, *, duration_s: float) -> Floats:
    """Return 440 Hz with four harmonics, swinging by so much to either side."""
    time_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    f0_hz = 440 * 2 ** (extent_cents / 1200 * np.sin(2 * np.pi * rate_hz * time_s))
    phase = 2 * np.pi * np.cumsum(f0_hz) / RATE_HZ
    return np.asarray(np.sum([0.2 / k * np.sin(k * phase) for k in range(1, 5)], axis=0), dtype=np.float32)
