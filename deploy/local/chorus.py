"""A dawn chorus, synthesized: the demo's sample is made here, so that no recording has to be shipped."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from .birds import Note, Samples, Song, blackbird, chiffchaff, cuckoo, great_tit, robin, wren, yellowhammer

Spectrum = NDArray[np.floating[Any]]
Shape = Callable[[Spectrum], Spectrum]

PEAK = 0.7
FADE_S = 0.02


@dataclass(frozen=True)
class Bird:
    """Who sings, how loud it arrives, and when: every `every_s` from `first_s` on."""

    song: Song
    level_db: float
    first_s: float
    every_s: float
    echo: float = 0.1


# The second of a kind is farther away and answers.
BIRDS = (
    Bird(blackbird, -6, 0.5, 5.6),
    Bird(blackbird, -24, 3.4, 5.6, echo=0.6),
    Bird(wren, -9, 2.4, 8.9),
    Bird(chiffchaff, -18, 6.2, 7.6, echo=0.3),
    Bird(great_tit, -13, 0.3, 9.6),
    Bird(great_tit, -25, 2.3, 9.6, echo=0.5),
    Bird(robin, -13, 5.3, 7.3, echo=0.15),
    Bird(yellowhammer, -16, 8.2, 8.8, echo=0.3),
    Bird(cuckoo, -19, 6.9, 9.9, echo=0.7),
)


def synthesize_chorus(path: Path, *, duration_s: float = 20.0, rate_hz: int = 44_100, seed: int = 5) -> None:
    """Write the chorus as a 16-bit recording; the suffix of `path` chooses WAV or FLAC."""
    soundfile.write(path, chorus(duration_s=duration_s, rate_hz=rate_hz, seed=seed), rate_hz, subtype="PCM_16")


def chorus(*, duration_s: float, rate_hz: int, seed: int) -> Samples:
    """Return birds over wind and insects; the same seed gives the same samples.

    returns  (n,) float32, mono, in [-PEAK, PEAK]
    """
    random = np.random.default_rng(seed)
    count = round(duration_s * rate_hz)
    sung_dry = np.zeros(count, dtype=np.float32)
    sung_to_the_forest = np.zeros(count, dtype=np.float32)
    for bird in BIRDS:
        song = _singing(bird, random, count, rate_hz)
        sung_dry += song
        sung_to_the_forest += np.float32(bird.echo) * song
    birds = sung_dry + _convolved(sung_to_the_forest, _echoes(random, rate_hz))
    mixed = birds + wind(random, count, rate_hz) + insects(random, count, rate_hz)
    mixed *= _edges(count, round(FADE_S * rate_hz))
    return np.asarray(mixed * (PEAK / max(float(np.abs(mixed).max()), PEAK)), dtype=np.float32)


def sung(note: Note, rate_hz: int) -> Samples:
    """Return one note.

    returns  (n,) float32, mono, in [-1, 1] times its level
    """
    time_s = np.arange(round(note.duration_s * rate_hz)) / rate_hz
    place = time_s / note.duration_s * (len(note.glide_hz) - 1)
    # Half a cosine between two points, because a bird's pitch has no corners.
    eased = np.floor(place) + (1 - np.cos(np.pi * (place % 1))) / 2
    hz = np.interp(eased, np.arange(len(note.glide_hz)), note.glide_hz)
    hz += note.warble_depth_hz * np.sin(2 * np.pi * note.warble_rate_hz * time_s)
    phase = 2 * np.pi * np.cumsum(hz) / rate_hz
    strengths = (1.0, *note.overtones)
    tone = sum(strength * np.sin(order * phase) for order, strength in enumerate(strengths, start=1))
    swell = np.sin(np.pi * time_s / note.duration_s) ** 0.6
    return np.asarray(tone * swell * (note.level / sum(strengths)), dtype=np.float32)


def wind(random: np.random.Generator, count: int, rate_hz: int) -> Samples:
    """Return low noise that comes and goes.

    returns  (count,) float32, mono, about -40 dB RMS
    """
    noise = _shaped_noise(random, count, rate_hz, lambda hz: (1 + hz / 120) ** -1.1)
    gusts = _shaped_noise(random, count, rate_hz, lambda hz: np.exp(-hz / 0.25))
    return np.asarray(0.010 * noise * np.exp(0.5 * gusts), dtype=np.float32)


def insects(random: np.random.Generator, count: int, rate_hz: int) -> Samples:
    """Return a hum in two narrow bands, each with its own pulse.

    returns  (count,) float32, mono, about -60 dB RMS
    """
    time_s = np.arange(count) / rate_hz
    hum = np.zeros(count, dtype=np.float32)
    for centre_hz, width_hz, pulse_hz in ((9_400, 260, 13), (11_800, 420, 21)):
        band = _shaped_noise(random, count, rate_hz, _bell(centre_hz, width_hz))
        hum += np.float32(0.0009) * band * (1 + np.sin(2 * np.pi * pulse_hz * time_s))
    return hum


def _singing(bird: Bird, random: np.random.Generator, count: int, rate_hz: int) -> Samples:
    heard = np.zeros(count, dtype=np.float32)
    gain = np.float32(10 ** (bird.level_db / 20))
    start_s = bird.first_s
    while start_s * rate_hz < count:
        for offset_s, note in bird.song(random):
            tone = sung(note, rate_hz)
            first = round((start_s + offset_s) * rate_hz)
            heard[first : first + len(tone)] += gain * tone[: max(count - first, 0)]
        start_s += bird.every_s * random.uniform(0.92, 1.08)
    return heard


def _echoes(random: np.random.Generator, rate_hz: int) -> Samples:
    """Return the impulse response of trees around: noise that dies away within a second."""
    time_s = np.arange(rate_hz) / rate_hz
    tail = random.standard_normal(rate_hz) * np.exp(-time_s / 0.14) * (time_s > 0.02)
    return np.asarray(tail / np.sqrt(np.sum(tail**2)), dtype=np.float32)


def _convolved(samples: Samples, response: Samples) -> Samples:
    length = 1 << (len(samples) + len(response) - 2).bit_length()
    spectrum = np.fft.rfft(samples, length) * np.fft.rfft(response, length)
    return np.asarray(np.fft.irfft(spectrum, length)[: len(samples)], dtype=np.float32)


def _bell(centre_hz: float, width_hz: float) -> Shape:
    return lambda hz: np.exp(-(((hz - centre_hz) / width_hz) ** 2))


def _shaped_noise(random: np.random.Generator, count: int, rate_hz: int, shape: Shape) -> Samples:
    """Return noise of unit RMS whose spectrum follows `shape`, a function from Hz to amplitude."""
    spectrum = np.fft.rfft(random.standard_normal(count)) * shape(np.fft.rfftfreq(count, 1 / rate_hz))
    noise = np.fft.irfft(spectrum, count)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)), dtype=np.float32)


def _edges(count: int, fade: int) -> Samples:
    ramp = np.minimum(np.arange(count) + 1, np.arange(count)[::-1] + 1) / fade
    return np.asarray(np.minimum(ramp, 1), dtype=np.float32)
