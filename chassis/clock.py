"""Times that a document gives back as they were."""

from datetime import UTC, datetime


def now_ms() -> datetime:
    """Return what time it is, to the millisecond: MongoDB keeps no more, and a repeated event must say the same."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
