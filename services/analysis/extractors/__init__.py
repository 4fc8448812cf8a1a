"""The registry: every extractor there is, by name."""

from collections.abc import Sequence

from services.analysis.errors import UnknownExtractorError

from .levels import Levels
from .pitch import Pitch
from .protocol import Accumulator, Extractor
from .spectral import Spectral
from .tempo import Tempo

__all__ = ["EXTRACTORS", "Accumulator", "Extractor", "extractors_named"]

_REGISTERED: tuple[Extractor, ...] = (Levels(), Spectral(), Tempo(), Pitch())

EXTRACTORS: dict[str, Extractor] = {extractor.name: extractor for extractor in _REGISTERED}


def extractors_named(names: Sequence[str]) -> tuple[Extractor, ...]:
    """Return extractors in the order asked for, each once. Raises `UnknownExtractorError`."""
    for name in names:
        if name not in EXTRACTORS:
            raise UnknownExtractorError(name, tuple(EXTRACTORS))
    return tuple(EXTRACTORS[name] for name in dict.fromkeys(names))
