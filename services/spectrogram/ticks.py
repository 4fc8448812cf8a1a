"""Round numbers for the axes of an image, as many as their labels leave room for."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor

MINUTE_S = 60
HOUR_S = 3600
# Up to there people count in seconds.
_SECONDS_UP_TO_S = 120
_SIXTIES = (1, 2, 5, 10, 15, 30)
_HOURS = (1, 2, 3, 6, 12, 24)

Position = Callable[[float], float]
Extent = Callable[[str], float]


@dataclass(frozen=True, slots=True)
class Tick:
    """One round number: `at` is the pixel's column, or its row counted from the bottom; past the end is `length`."""

    at: int
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """A length of pixels and how much room a label takes along it, gap included.

    position  gives the place of a value between 0 (the first pixel's edge) and 1 (the last one's)
    extent    gives the room, in pixels, for a label
    """

    length: int
    position: Position
    extent: Extent

    def tick(self, value: float, label: str) -> Tick:
        # A value at a pixel's very edge may come out a rounding below it.
        return Tick(floor(self.position(value) * self.length + 1e-6), label)


def number_ticks(axis: Axis, low: float, high: float) -> list[Tick]:
    """Return ticks at multiples of 1, 2 or 5 times a power of ten."""
    steps = _decimal_steps((high - low) / 1000)
    return _evenly(axis, low, high, steps, number_label)


def warped_ticks(axis: Axis, low: float, high: float) -> list[Tick]:
    """Return ticks at 1, 2 and 5 times powers of ten, and at multiples between, wherever the axis has room.

    For axes that are not linear: round numbers come first, others only fill gaps.
    """
    kept: list[Tick] = []
    for value in _by_roundness(low, high):
        tick = axis.tick(value, number_label(value, 0))
        if all(abs(tick.at - other.at) >= _room(axis, tick, other) for other in kept):
            kept.append(tick)
    return sorted(kept, key=lambda tick: tick.at)


def time_ticks(axis: Axis, start_s: float, end_s: float) -> tuple[list[Tick], str]:
    """Return ticks for times from the recording's start, and the axis' unit: s, min:s or h:min:s."""
    if end_s <= _SECONDS_UP_TO_S:
        return _evenly(axis, start_s, end_s, _decimal_steps((end_s - start_s) / 1000), number_label), "s"
    label = _hours_label if end_s >= HOUR_S else _minutes_label
    unit = "h:min:s" if end_s >= HOUR_S else "min:s"
    return _evenly(axis, start_s, end_s, _sexagesimal_steps((end_s - start_s) / 1000), label), unit


def number_label(value: float, step: float) -> str:
    """Return a number with as many decimals as its step has, and no minus zero."""
    decimals = next((places for places in range(9) if round(step * 10**places, 6) % 1 == 0), 9)
    text = f"{value:.{decimals}f}" if step else f"{value:g}"
    # A hyphen, for which `Figure` draws a minus.
    return text if float(text) else text.lstrip("-")


def _evenly(
    axis: Axis, low: float, high: float, steps: Iterable[float], label: Callable[[float, float], str]
) -> list[Tick]:
    """Return the ticks of the smallest step whose labels do not touch."""
    ticks: list[Tick] = []
    for step in steps:
        first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
        if last - first >= axis.length:
            continue
        ticks = [axis.tick(number * step, label(number * step, step)) for number in range(first, last + 1)]
        if all(right.at - left.at >= _room(axis, left, right) for left, right in pairwise(ticks)):
            return ticks
    return ticks


def _room(axis: Axis, left: Tick, right: Tick) -> float:
    return (axis.extent(left.label) + axis.extent(right.label)) / 2


def _decimal_steps(least: float) -> Iterable[float]:
    exponent = -9
    while 10.0**exponent < least:
        exponent += 1
    for power in range(exponent - 1, exponent + 6):
        for digit in (1, 2, 5):
            # 2 * 10**-1 is not the float nearest to 0.2; a quotient is.
            yield digit * 10**power if power >= 0 else digit / 10**-power


def _sexagesimal_steps(least: float) -> Iterable[float]:
    yield from (step for step in _decimal_steps(min(least, 0.5)) if step < 1)
    yield from _SIXTIES
    yield from (minutes * MINUTE_S for minutes in _SIXTIES)
    yield from (hours * HOUR_S for hours in _HOURS)


def _by_roundness(low: float, high: float) -> Iterable[float]:
    decades = [10.0**power for power in range(-3, 7)]
    for digits in ((1,), (2, 5), (3, 4, 6, 7, 8, 9), (1.5, 2.5)):
        values = (digit * decade for decade in reversed(decades) for digit in digits)
        yield from (value for value in values if low <= value <= high)


def _minutes_label(time_s: float, step_s: float) -> str:
    minutes, seconds = divmod(round(time_s, 6), MINUTE_S)
    return f"{minutes:.0f}:{_padded(seconds, step_s)}"


def _hours_label(time_s: float, step_s: float) -> str:
    hours, rest = divmod(round(time_s, 6), HOUR_S)
    minutes, seconds = divmod(rest, MINUTE_S)
    return f"{hours:.0f}:{minutes:02.0f}:{_padded(seconds, step_s)}"


def _padded(seconds: float, step_s: float) -> str:
    text = number_label(seconds, step_s) if step_s < 1 else f"{seconds:.0f}"
    return text if seconds >= 10 else f"0{text}"
