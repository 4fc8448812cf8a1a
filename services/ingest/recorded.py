"""When and where a recording was made, as the documents say it."""

from datetime import UTC, datetime, timedelta

from audio.recorded import Position, Recorded, doubts
from contracts.recorded import Doubt, Place, RecordedAt, Source


def recorded_at(found: Recorded | None) -> RecordedAt | None:
    """Return what was found in a recording, in the words of the contracts."""
    if found is None:
        return None
    return _recorded_at(
        found.said.local,
        found.offset,
        Source(found.said.source),
        Source(found.offset_source) if found.offset_source else None,
        found.doubts,
    )


def corrected(local: datetime, offset_s: int | None, now: datetime) -> RecordedAt:
    """Return what a client says: `local` without a zone, and its offset where that is known."""
    offset = timedelta(seconds=offset_s) if offset_s is not None else None
    utc = (local - offset).replace(tzinfo=UTC) if offset is not None else None
    offset_source = Source.CLIENT if offset is not None else None
    return _recorded_at(local, offset, Source.CLIENT, offset_source, doubts(local, utc, now))


def place(found: Position | None) -> Place | None:
    """Return where a recording was made, in the words of the contracts; None where that is nowhere on earth."""
    if found is None:
        return None
    elevation_m = found.elevation_m
    return Place(
        latitude_deg=found.latitude_deg,
        longitude_deg=found.longitude_deg,
        elevation_m=elevation_m if elevation_m is not None and -12_000 <= elevation_m <= 100_000 else None,
        source=Source(found.source),
    )


def _recorded_at(
    local: datetime,
    offset: timedelta | None,
    local_source: Source,
    offset_source: Source | None,
    reasons: tuple[str, ...],
) -> RecordedAt:
    utc = (local - offset).replace(tzinfo=UTC) if offset is not None else None
    return RecordedAt(
        local=local.isoformat(),
        utc_offset_s=round(offset.total_seconds()) if offset is not None else None,
        utc=utc,
        local_source=local_source,
        utc_offset_source=offset_source,
        # A moment is its time and its offset: who says the offset makes it one.
        utc_source=offset_source,
        doubts=tuple(Doubt(each) for each in reasons),
        sorted_by=utc or local.replace(tzinfo=UTC),
    )
