"""Extractors of other packages: found by entry points, checked before they are taken."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import is_dataclass
from importlib.metadata import EntryPoint, entry_points
from itertools import chain

from services.analysis.errors import DuplicateExtractorError, UnusableExtractorError

from .protocol import Extractor

GROUP = "dawnchorus.extractors"

# Results, object keys and routes carry it.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_STATED = ("name", "version", "description", "needs", "device", "cost_per_audio_s", "parameters", "accumulator")


def installed_entry_points() -> tuple[EntryPoint, ...]:
    """Return the entry points of every package on the path, in the order of their names."""
    return tuple(sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)))


def by_name(ours: Iterable[Extractor], entries: Iterable[EntryPoint]) -> dict[str, Extractor]:
    """Return our extractors and those behind the entry points, each under its name.

    An entry point names a class that is called without arguments. Raises `UnusableExtractorError` where that gives
    no extractor, and `DuplicateExtractorError` where two have one name.
    """
    found: dict[str, tuple[Extractor, str]] = {}
    for extractor, origin in chain(((each, "dawnchorus") for each in ours), _loaded(entries)):
        if extractor.name in found:
            raise DuplicateExtractorError(extractor.name, found[extractor.name][1], origin)
        found[extractor.name] = extractor, origin
    return {name: extractor for name, (extractor, _) in found.items()}


def _loaded(entries: Iterable[EntryPoint]) -> Iterator[tuple[Extractor, str]]:
    for entry in entries:
        yield _extractor(entry), entry.dist.name if entry.dist is not None else entry.value


def _extractor(entry: EntryPoint) -> Extractor:
    try:
        made: Extractor = entry.load()()
    except Exception as error:
        raise UnusableExtractorError(entry.value, f"{type(error).__name__}: {error}") from error
    if not is_dataclass(made):
        raise UnusableExtractorError(entry.value, "it is no dataclass")
    if not _NAME.fullmatch(str(getattr(made, "name", ""))):
        raise UnusableExtractorError(entry.value, "its name is not in snake_case")
    if missing := [attribute for attribute in _STATED if not hasattr(made, attribute)]:
        raise UnusableExtractorError(entry.value, f"it has no {', '.join(missing)}")
    return made
