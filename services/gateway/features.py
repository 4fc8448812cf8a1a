"""Features as recordings are found by: read from results, asked for in words, and turned into a query."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chassis.problems import ProblemError

Feature = float | str
Query = dict[str, Any]

UPLOADED_AT = "uploaded_at"
# What lists are sorted by that is no feature, and where a recording's document has it.
PROPERTIES = {
    UPLOADED_AT: "uploaded_at",
    "recorded_at": "recorded_at.sorted_by",
    "name": "name",
    "duration_s": "audio.duration_claimed_s",
}
_MOMENTS = {UPLOADED_AT, "recorded_at"}
CONDITIONS_MAX = 20

_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}(?:\.[a-z][a-z0-9_]{0,63}){1,2}")
_TEXT_MAX = 100
# How many values a statistic is of is no feature of the sound.
_NO_STATISTIC = {"unit", "reason", "frames"}


@dataclass(frozen=True)
class Condition:
    """A feature, and what it must be: within two bounds, both included, or one of several values."""

    feature: str
    low: float | None = None
    high: float | None = None
    values: tuple[Feature, ...] = ()

    @property
    def query(self) -> Query:
        """The condition in MongoDB's words."""
        if self.values:
            return {field_of(self.feature): {"$in": list(self.values)}}
        bounds = {"$gte": self.low, "$lte": self.high}
        return {field_of(self.feature): {name: bound for name, bound in bounds.items() if bound is not None}}


@dataclass(frozen=True)
class Order:
    """By which feature or property recordings are sorted; those without it are left out."""

    feature: str
    descending: bool

    @property
    def field(self) -> str:
        """Where a document has the value."""
        return PROPERTIES.get(self.feature) or field_of(self.feature)

    @property
    def is_feature(self) -> bool:
        """Whether it comes from an analysis."""
        return self.feature not in PROPERTIES

    @property
    def is_moment(self) -> bool:
        """Whether its values are dates."""
        return self.feature in _MOMENTS


NEWEST_FIRST = Order(UPLOADED_AT, descending=True)


def features_of(entries: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the single values of results, by extractor, measure and statistic; lists are left out."""
    found: dict[str, Any] = {}
    for entry in entries:
        measures = {name: _value(measure) for name, measure in (entry.get("payload") or {}).items() if _is_key(name)}
        known = {name: value for name, value in measures.items() if value is not None}
        if known and _is_key(entry["name"]):
            found[entry["name"]] = known
    return found


def feature_at(features: Mapping[str, Any], name: str) -> Feature | None:
    """Return one feature of a document."""
    value: Any = features
    for key in name.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, float | int | str) else None


def field_of(feature: str) -> str:
    """Return where a document has a feature."""
    return f"features.{feature}"


def conditions(asked: Sequence[str]) -> tuple[Condition, ...]:
    """Read `spectral.centroid.mean:2000..5000`, `tempo.bpm:..90` or `quality.health:green`.

    Raises a problem where one is something else.
    """
    if len(asked) > CONDITIONS_MAX:
        raise _bad_filter(f"There are {len(asked)} conditions; there may be {CONDITIONS_MAX}.")
    return tuple(_condition(each) for each in asked)


def order(asked: str | None) -> Order:
    """Read `tempo.bpm` (the lowest first), `-tempo.bpm` (the highest first); the newest first where none is asked.

    Raises a problem where it is something else.
    """
    if asked is None:
        return NEWEST_FIRST
    feature = asked.removeprefix("-")
    if feature not in PROPERTIES and not _NAME.fullmatch(feature):
        raise _bad_filter(f"There is no feature {feature[:_TEXT_MAX]!r} to sort by.")
    return Order(feature, descending=asked.startswith("-"))


def _condition(asked: str) -> Condition:
    feature, colon, wanted = asked.partition(":")
    if not colon or not wanted or len(wanted) > _TEXT_MAX or not _NAME.fullmatch(feature):
        raise _bad_filter(f"{asked[:_TEXT_MAX]!r} is no condition.")
    if ".." not in wanted:
        number = _number(wanted)
        return Condition(feature, values=(wanted,) if number is None else (wanted, number))
    first, _, last = wanted.partition("..")
    low, high = _number(first), _number(last)
    if (first and low is None) or (last and high is None) or (low is None and high is None):
        raise _bad_filter(f"{asked[:_TEXT_MAX]!r} has no bounds that are numbers.")
    return Condition(feature, low, high)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _bad_filter(sentence: str) -> ProblemError:
    return ProblemError(
        400,
        "bad_filter",
        sentence,
        next_step="Write extractor.measure.statistic:low..high, for example spectral.centroid.mean:2000..5000.",
    )


def _value(measure: Any) -> Any:  # noqa: ANN401 (any JSON)
    if not isinstance(measure, Mapping):
        return None
    if "value" in measure:
        return measure["value"] if _is_feature(measure["value"]) else None
    statistics = {
        name: value
        for name, value in measure.items()
        if name not in _NO_STATISTIC and _is_key(name) and _is_feature(value)
    }
    return statistics or None


def _is_key(name: Any) -> bool:  # noqa: ANN401
    return isinstance(name, str) and _KEY.fullmatch(name) is not None


def _is_feature(value: Any) -> bool:  # noqa: ANN401
    if isinstance(value, str):
        return len(value) <= _TEXT_MAX
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
