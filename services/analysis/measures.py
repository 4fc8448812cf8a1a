"""The one form in which every extractor states its values.

    scalar     {"value": 440.0, "unit": "Hz", "reason": null} or {"value": null, "unit": "Hz", "reason": "silent"}
    list       {"values": [-3.0, -2.9], "unit": "dBFS", "reason": null}; [-3.0, null] has the reason of its first null
    aggregate  {"unit": "Hz", "mean", "std", "min", "max", "p05", "p50", "p95", "frames", "reason": null}
    several    the same with a list in place of each statistic, an item per band or coefficient

A reason is a stable code. Where there is a reason a number is missing, and the other way round.
Numbers are finite, always: `InvalidMeasureError` stops anything else.
"""

import math
from collections.abc import Iterable, Sequence
from enum import StrEnum

from chassis.errors import DawnchorusError

from .series import STATISTICS, Aggregate, Columns, Series

Measure = dict[str, object]
Payload = dict[str, object]


class Reason(StrEnum):
    """Why there is no number."""

    SILENT = "silent"
    TOO_SHORT = "too_short"
    RATE_TOO_LOW = "rate_too_low"
    BELOW_LOUDNESS_GATE = "below_loudness_gate"
    NO_ONSETS = "no_onsets"
    NO_PERIODICITY = "no_periodicity"
    NO_VOICED_FRAMES = "no_voiced_frames"
    EMPTY_BAND = "empty_band"
    NOTHING_ABOVE_THRESHOLD = "nothing_above_threshold"
    ONE_CHANNEL = "one_channel"
    NO_KEY = "no_key"
    NO_VIBRATO = "no_vibrato"


class InvalidMeasureError(DawnchorusError):
    """An extractor computed a value that is not a finite number."""

    code = "invalid_measure"

    def __init__(self, value: float, unit: str) -> None:
        """Keep the facts, so that the error survives pickling."""
        super().__init__(value, unit)

    def __str__(self) -> str:
        value, unit = self.args
        return f"A measure in {unit} came out as {value}, which is not a finite number."


def measured(value: float | str, *, unit: str) -> Measure:
    """State a value. Raises `InvalidMeasureError` when it is NaN or infinite."""
    return {"value": value if isinstance(value, str) else _finite(value, unit), "unit": unit, "reason": None}


def absent(reason: Reason, *, unit: str) -> Measure:
    """State that there is no value, and why."""
    return {"value": None, "unit": unit, "reason": str(reason)}


def decibels(ratio: float, *, unit: str) -> Measure:
    """State an amplitude ratio in decibels; a ratio of zero has none, it is silent."""
    if ratio <= 0:
        return absent(Reason.SILENT, unit=unit)
    return measured(20 * math.log10(ratio), unit=unit)


def listed(values: Sequence[float], *, unit: str) -> Measure:
    """State several values of one kind. Raises `InvalidMeasureError` when one is not finite."""
    return {"values": [_finite(value, unit) for value in values], "unit": unit, "reason": None}


def gathered(measures: Sequence[Measure], *, unit: str) -> Measure:
    """State the values of scalars of one unit in one list, null where there is none."""
    reasons = (measure["reason"] for measure in measures if measure["reason"] is not None)
    return {"values": [measure["value"] for measure in measures], "unit": unit, "reason": next(reasons, None)}


def unlisted(reason: Reason, *, unit: str) -> Measure:
    """State that there is no list of values, and why."""
    return {"values": None, "unit": unit, "reason": str(reason)}


def aggregated(series: Series, *, unit: str, otherwise: Reason) -> Measure:
    """State the statistics of a series, or the reason `otherwise` when it is empty."""
    return summarized(series.aggregate(), unit=unit, otherwise=otherwise)


def summarized(summary: Aggregate | None, *, unit: str, otherwise: Reason) -> Measure:
    """State statistics, or the reason `otherwise` when there are none."""
    if summary is None:
        return unaggregated(otherwise, unit=unit)
    stated = {name: _finite(getattr(summary, field), unit) for name, field in STATISTICS.items()}
    return {"unit": unit, **stated, "frames": summary.count, "reason": None}


def aggregated_each(columns: Columns, *, unit: str, otherwise: Reason) -> Measure:
    """State the statistics of several series as lists, or the reason `otherwise` when they are empty."""
    summary = columns.aggregates()
    if summary is None:
        return unaggregated(otherwise, unit=unit)
    stated = {name: _finite_each(getattr(summary, field), unit) for name, field in STATISTICS.items()}
    return {"unit": unit, **stated, "frames": summary.count, "reason": None}


def unaggregated(reason: Reason, *, unit: str) -> Measure:
    """State that there are no statistics, and why."""
    return {"unit": unit, **dict.fromkeys(STATISTICS), "frames": 0, "reason": str(reason)}


def _finite_each(values: Iterable[float], unit: str) -> list[float]:
    return [_finite(float(value), unit) for value in values]


def _finite(value: float, unit: str) -> float:
    if not math.isfinite(value):
        raise InvalidMeasureError(value, unit)
    return value if isinstance(value, int) else float(value)
