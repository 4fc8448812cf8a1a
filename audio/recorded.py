"""When and where a recording was made: read from its metadata and its name, compared, doubted."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from .metadata import Metadata

BEFORE_1990, IN_FUTURE = "before_1990", "in_future"
CLOCK_NOT_SET, SOURCES_DISAGREE = "clock_not_set", "sources_disagree"

# What is of other years is no date of a recording, but some other number.
EARLIEST_YEAR, LATEST_YEAR = 1900, 2200

_DIGITAL_SINCE = 1990
# Where clocks stand that nobody set: they count from there.
_FIRST_YEARS = {1970, 1980, 2000}
_SET_LATE = timedelta(days=2)
_CLOCKS_DIFFER = timedelta(days=1)
_SAME_MOMENT = timedelta(seconds=60)
_QUARTER = timedelta(minutes=15)
_OFFSET_MAX = timedelta(hours=14)
_TEXT_MAX = 4096

# AudioMoth's firmware writes hours first; its first versions said no "(UTC)", and meant it.
_AUDIOMOTH = re.compile(
    r"Recorded at (?P<h>\d\d):(?P<m>\d\d):(?P<s>\d\d)(?:\.\d+)? (?P<day>\d\d)/(?P<month>\d\d)/(?P<year>\d{4})"
    r"(?: \(UTC(?:(?P<sign>[+-])(?P<oh>\d{1,2})(?::(?P<om>\d\d))?)?\))? by AudioMoth"
)
_OFFSET = r"(?P<zone>[Zz]|(?P<sign>[+-])(?P<oh>\d\d):?(?P<om>[0134][05]))?"
_ISO = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)[T ](?P<h>\d\d):(?P<m>\d\d)(?::(?P<s>\d\d))?(?:[.,]\d{1,9})? ?"
    + _OFFSET
)
_IN_NAME = re.compile(
    r"(?<!\d)(?P<year>\d{4})[-_.]?(?P<month>\d\d)[-_.]?(?P<day>\d\d)[T_ $-]?"
    r"(?P<h>\d\d)[-_.:h]?(?P<m>\d\d)(?:[-_.:m]?(?P<s>\d\d))?(?:[.,]\d{1,6})?" + _OFFSET + r"(?!\d)"
)
_TIME_TAGS = ("com.apple.quicktime.creationdate", "creation_time", "recording_time", "date", "creation_date")
_PLACE_TAGS = ("com.apple.quicktime.location.iso6709", "location")
_ISO_6709 = re.compile(r"(?P<lat>[+-]\d{1,2}(?:\.\d{1,12})?)(?P<lon>[+-]\d{1,3}(?:\.\d{1,12})?)(?P<up>[+-]\d{1,6})?")
_NUMBER = re.compile(r"[+-]?\d{1,6}(?:\.\d{1,12})?")


@dataclass(frozen=True, slots=True)
class Said:
    """What one source says: a clock's time, and its offset from UTC where it says that, too."""

    source: str
    local: datetime
    offset: timedelta | None

    @property
    def utc(self) -> datetime | None:
        return (self.local - self.offset).replace(tzinfo=UTC) if self.offset is not None else None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is believed, from the first plausible source, with the offset of another one where that has the same time.

    doubts  why it should be looked at
    """

    said: Said
    offset: timedelta | None
    offset_source: str | None
    doubts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Position:
    """Where a recorder stood, as one source says."""

    source: str
    latitude_deg: float
    longitude_deg: float
    elevation_m: float | None


def recorded(metadata: Metadata, name: str, now: datetime) -> Recorded | None:
    """Return when a recording named `name` began; None where nobody says. `now` is aware."""
    heard = list(_heard(metadata, name))
    if not heard:
        return None
    believed = next((each for each in heard if not doubts(each.local, each.utc, now)), heard[0])
    offset_said = next((each for each in heard if _has_offset_of(each, believed)), None)
    reasons = doubts(believed.local, believed.utc, now)
    if any(not _agree(believed, each) for each in heard):
        reasons = (*reasons, SOURCES_DISAGREE)
    if offset_said is None:
        return Recorded(believed, None, None, reasons)
    return Recorded(believed, offset_said.offset, offset_said.source, reasons)


def doubts(local: datetime, utc: datetime | None, now: datetime) -> tuple[str, ...]:
    """Return why a time by itself is implausible: of before 1990, in the future, or where unset clocks begin."""
    found = []
    if local.year < _DIGITAL_SINCE:
        found.append(BEFORE_1990)
    if local.year in _FIRST_YEARS and local - datetime(local.year, 1, 1) < _SET_LATE:  # noqa: DTZ001 (a clock's time)
        found.append(CLOCK_NOT_SET)
    # Some zone is always a day ahead.
    if (utc or local.replace(tzinfo=UTC)) - now > _CLOCKS_DIFFER:
        found.append(IN_FUTURE)
    return tuple(found)


def position(metadata: Metadata) -> Position | None:
    """Return where a recording was made: by GUANO, or by a tag in the form of ISO 6709."""
    numbers = _NUMBER.findall(metadata.guano.get("Loc Position", ""))
    if len(numbers) == 2:
        elevation = _NUMBER.fullmatch(metadata.guano.get("Loc Elevation", ""))
        return _position("guano", numbers[0], numbers[1], elevation[0] if elevation else None)
    for name in _PLACE_TAGS:
        if found := _ISO_6709.match(metadata.tags.get(name, "")):
            return _position("tags", found["lat"], found["lon"], found["up"])
    return None


def _heard(metadata: Metadata, name: str) -> Iterator[Said]:
    """Yield what every source says, the most trusted first."""
    if "Timestamp" in metadata.guano:
        yield from _said("guano", _ISO.match(metadata.guano["Timestamp"][:_TEXT_MAX]))
    yield from _said("audiomoth", _AUDIOMOTH.search(metadata.tags.get("comment", "")[:_TEXT_MAX]), utc_unless_said=True)
    if metadata.bext is not None:
        yield from _said("bext", _ISO.match(_written_as_iso(*metadata.bext)))
    texts = (metadata.tags[tag][:_TEXT_MAX] for tag in _TIME_TAGS if tag in metadata.tags)
    tagged = [said for text in texts for said in _said("tags", _ISO.match(text))]
    yield from tagged[:1]
    named = [said for found in _IN_NAME.finditer(name[:_TEXT_MAX]) for said in _said("name", found)]
    yield from named[:1]


def _said(source: str, found: re.Match[str] | None, *, utc_unless_said: bool = False) -> Iterator[Said]:
    if found is None:
        return
    parts: Sequence[int] = [int(found[part] or 0) for part in ("year", "month", "day", "h", "m", "s")]
    if not EARLIEST_YEAR <= parts[0] <= LATEST_YEAR:
        return
    try:
        local = datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 (a clock's time, without a zone)
        offset = _offset(found, utc_unless_said=utc_unless_said)
    except ValueError:
        return
    yield Said(source, local, offset)


def _offset(found: re.Match[str], *, utc_unless_said: bool) -> timedelta | None:
    if found["sign"]:
        size = timedelta(hours=int(found["oh"]), minutes=int(found["om"] or 0))
        if size > _OFFSET_MAX:
            raise ValueError
        return size if found["sign"] == "+" else -size
    return timedelta(0) if utc_unless_said or found.groupdict().get("zone") else None


def _written_as_iso(date: str, time: str) -> str:
    # EBU Tech 3285 allows six separators.
    return f"{re.sub(r'[_:. /]', '-', date)}T{re.sub(r'[_. -]', ':', time)}"


def _has_offset_of(other: Said, believed: Said) -> bool:
    return other.offset is not None and abs(other.local - believed.local) < _SAME_MOMENT


def _agree(one: Said, other: Said) -> bool:
    """Tell whether two sources mean one moment, for all they say: where one names no zone, it may be any."""
    if one.utc is not None and other.utc is not None:
        return abs(one.utc - other.utc) < _SAME_MOMENT
    apart = abs(one.local - other.local)
    beyond = apart % _QUARTER
    return apart <= 2 * _OFFSET_MAX and min(beyond, _QUARTER - beyond) < _SAME_MOMENT


def _position(source: str, latitude: str, longitude: str, elevation: str | None) -> Position | None:
    latitude_deg, longitude_deg = float(latitude), float(longitude)
    # A receiver without a fix says zero and zero.
    if abs(latitude_deg) > 90 or abs(longitude_deg) > 180 or latitude_deg == longitude_deg == 0:
        return None
    return Position(source, latitude_deg, longitude_deg, float(elevation) if elevation is not None else None)
