"""What was computed before: which of it is still right, and what becomes of it beside what was computed now."""

from collections.abc import Iterable

from contracts.analysing import Segmentation
from contracts.canonical import canonical_json
from contracts.manifest import AudioManifest, ExtractorEntry

from .extractors import Extractor


def missing(
    stored: AudioManifest | None, extractors: Iterable[Extractor], asked: Segmentation
) -> tuple[Extractor, ...]:
    """Return the extractors whose results are not there, failed, or are of another version, parameters or segments."""
    known = {} if stored is None else {entry.name: entry for entry in stored.extractors}
    return tuple(each for each in extractors if not _is_current(known.get(each.name), each, asked))


def merged(stored: AudioManifest | None, computed: Iterable[ExtractorEntry]) -> tuple[ExtractorEntry, ...]:
    """Return the stored entries with those computed now in their places, and new ones behind.

    A result is never replaced by a failure: it stays, and says why it has not been replaced.
    """
    entries = {} if stored is None else {entry.name: entry for entry in stored.extractors}
    for entry in computed:
        before = entries.get(entry.name)
        if before is not None and before.success and not entry.success:
            entries[entry.name] = before.model_copy(update={"last_error": entry.error})
        else:
            entries[entry.name] = entry
    return tuple(entries.values())


def _is_current(entry: ExtractorEntry | None, extractor: Extractor, asked: Segmentation) -> bool:
    if entry is None or not entry.success:
        return False
    wanted = asked if asked.wants_segments else None
    if (entry.version, entry.segmentation) != (extractor.version, wanted):
        return False
    # As JSON: a manifest read back has lists where an extractor has tuples.
    return canonical_json(dict(entry.parameters)) == canonical_json(dict(extractor.parameters))
