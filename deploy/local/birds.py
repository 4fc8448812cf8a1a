"""Songs of imagined birds, note by note; each is near to what a common European bird does at dawn."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Note:
    """One tone whose frequency glides smoothly through `glide_hz`, with an optional warble around it."""

    duration_s: float
    glide_hz: tuple[float, ...]
    warble_rate_hz: float = 0.0
    warble_depth_hz: float = 0.0
    overtones: tuple[float, ...] = (0.03, 0.008)
    level: float = 1.0


# A song yields its notes, each with its start in seconds after the song's own start.
Song = Callable[[np.random.Generator], Iterator[tuple[float, Note]]]


def blackbird(random: np.random.Generator) -> Iterator[tuple[float, Note]]:
    """Sing fluted whistles without hurry, then a thin twitter."""
    start_s = 0.0
    for base_hz in random.permutation([1700, 2150, 2500, 1900, 2800]):
        duration_s, bend = random.uniform(0.2, 0.38), random.uniform(0.8, 1.3)
        yield start_s, Note(duration_s, (base_hz, base_hz * bend), 10, 25, overtones=(0.12, 0.05, 0.02))
        start_s += duration_s + random.uniform(0.03, 0.09)
    for _ in range(6):
        top_hz = random.uniform(5200, 7000)
        yield start_s, Note(0.05, (top_hz, top_hz * 0.72), level=0.3)
        start_s += 0.075


def wren(random: np.random.Generator) -> Iterator[tuple[float, Note]]:
    """Sing a burst of sweeps, a long rattle, and a flourish."""
    start_s = 0.0
    for index in range(7):
        top_hz = (6900, 5400)[index % 2] * random.uniform(0.96, 1.04)
        yield start_s, Note(0.085, (top_hz, top_hz * 0.66), level=0.8)
        start_s += 0.115
    for index in range(22):
        swell = np.sin(np.pi * (index + 1) / 23)
        yield start_s, Note(0.034, (5900, 4300), level=0.35 + 0.65 * swell)
        start_s += 0.047
    for hz in (6400, 4700, 7600):
        yield start_s, Note(0.11, (hz, hz * 0.8, hz * 0.95), level=0.8)
        start_s += 0.14


def chiffchaff(random: np.random.Generator) -> Iterator[tuple[float, Note]]:
    """Sing two names in turn, never quite in order."""
    for index in range(9):
        high_hz = 5600 if random.random() < 0.5 else 4700
        yield index * 0.27, Note(0.11, (high_hz * 1.25, high_hz * 0.86, high_hz * 0.78), level=0.9)


def great_tit(random: np.random.Generator) -> Iterator[tuple[float, Note]]:
    """Sing a see-saw of two pitches."""
    lift = random.uniform(0.97, 1.03)
    for index in range(5):
        yield index * 0.36, Note(0.13, (4350 * lift, 4500 * lift), overtones=(0.1, 0.03))
        yield index * 0.36 + 0.16, Note(0.16, (3300 * lift, 3200 * lift), overtones=(0.1, 0.03))


def robin(random: np.random.Generator) -> Iterator[tuple[float, Note]]:
    """Sing silver threads that fall and warble."""
    start_s = 0.0
    for _ in range(6):
        top_hz, duration_s = random.uniform(6200, 8600), random.uniform(0.12, 0.4)
        glide = (top_hz, top_hz * random.uniform(0.55, 0.8), top_hz * random.uniform(0.45, 0.7))
        yield start_s, Note(duration_s, glide, random.uniform(18, 38), random.uniform(80, 420), (0.02,))
        start_s += duration_s + random.uniform(0.01, 0.08)


def yellowhammer(random: np.random.Generator) -> Iterator[tuple[float, Note]]:
    """Sing quick equal strokes, louder and louder, then one long thin tone."""
    lift = random.uniform(0.98, 1.02)
    for index in range(11):
        yield index * 0.1, Note(0.065, (3900 * lift, 4900 * lift, 3700 * lift), level=0.3 + 0.06 * index)
    yield 1.13, Note(0.16, (7000 * lift, 6800 * lift), level=0.5)
    yield 1.33, Note(0.6, (5100 * lift, 5000 * lift), level=0.8)


def cuckoo(random: np.random.Generator) -> Iterator[tuple[float, Note]]:
    """Sing a falling third, over and over."""
    lift = random.uniform(0.995, 1.005)
    for index in range(4):
        yield index * 1.15, Note(0.16, (690 * lift, 680 * lift), overtones=(0.1, 0.05, 0.02))
        yield index * 1.15 + 0.36, Note(0.26, (560 * lift, 545 * lift), overtones=(0.1, 0.05, 0.02))
